noinst_LIBRARIES += src/sip/ua/libua.a
src_sip_ua_libua_a_SOURCES = \
	src/sip/ua/core.c src/sip/ua/core.h \
	src/sip/ua/dialog.c src/sip/ua/dialog.h \
	src/sip/ua/digest.c src/sip/ua/digest_trust.c src/sip/ua/digest.h src/sip/ua/digest_internal.h \
	src/sip/ua/hash.c src/sip/ua/hash.h \
	src/sip/ua/hop.c src/sip/ua/hop.h \
	src/sip/ua/notifier.c src/sip/ua/notifier.h src/sip/ua/notifier_internal.h \
	src/sip/ua/package.c src/sip/ua/package.h \
	src/sip/ua/profile.c src/sip/ua/profile.h \
	src/sip/ua/publication.c src/sip/ua/publication.h \
	src/sip/ua/outbound.c src/sip/ua/outbound.h \
	src/sip/ua/registration.c src/sip/ua/registration_flow.c src/sip/ua/registration_response.c \
	src/sip/ua/registration.h src/sip/ua/registration_internal.h \
	src/sip/ua/request.c src/sip/ua/request.h src/sip/ua/request_draft.c src/sip/ua/request_form.c \
	src/sip/ua/session.c src/sip/ua/session.h src/sip/ua/session_internal.h \
	src/sip/ua/session_also.c src/sip/ua/session_describe.c src/sip/ua/session_leg.c src/sip/ua/session_client.c \
	src/sip/ua/session_reinvite.c src/sip/ua/session_requests.c src/sip/ua/session_server.c \
	src/sip/ua/subscription.c src/sip/ua/subscription_branch.c \
	src/sip/ua/subscription.h src/sip/ua/subscription_internal.h \
	src/sip/ua/session_reliable.c src/sip/ua/session_timer.c src/sip/ua/session_update.c \
	src/sip/ua/ua.c src/sip/ua/ua.h
