noinst_LIBRARIES += src/phone/libphone.a
src_phone_libphone_a_SOURCES = \
	src/phone/account_flows.c src/phone/account_options.c src/phone/account_proxies.c src/phone/account_credentials.c \
	src/phone/instance.c src/phone/network.c src/phone/dial_plan.c src/phone/account_settings.c src/phone/account_requests.c \
	src/phone/accounts.c src/phone/account.h src/phone/apply.c \
	src/phone/leftovers.c src/phone/leftovers.h src/phone/call_commands.c \
	src/phone/call_session.c \
	src/phone/caller.c src/phone/calls.c src/phone/call_tones.c src/phone/auto_hold.c \
	src/phone/contacts.c src/phone/contacts.h src/phone/contacts_file.c src/phone/contacts_text.c \
	src/phone/dial.c src/phone/disk.c \
	src/phone/echo.c src/phone/notices.c \
	src/phone/encryption.c \
	src/phone/event.c src/phone/event_words.c src/phone/event.h src/phone/events.def \
	src/phone/explain.c \
	src/phone/incoming.c src/phone/join.c src/phone/digits.c \
	src/phone/history.c src/phone/history_text.c src/phone/info.c \
	src/phone/ladder.c src/phone/ladder.h src/phone/party.c src/phone/party.h src/phone/tracing.c \
	src/phone/capture.c src/phone/capture.h \
	src/phone/message_store.c src/phone/message_store.h \
	src/phone/messages.c src/phone/messages.h src/phone/messages_internal.h src/phone/typing.c \
	src/phone/media_plan.c \
	src/phone/codec_list.c src/phone/negotiate.c src/phone/negotiate.h \
	src/phone/phone.c src/phone/listen.c src/phone/phone.h src/phone/phone_internal.h \
	src/phone/ping.c \
	src/phone/presence.c src/phone/presence.h src/phone/presence_internal.h src/phone/publishing.c src/phone/watchers.c \
	src/phone/quantity.c \
	src/phone/register.c \
	src/phone/sampling.c \
	src/phone/screening.c src/phone/screening.h \
	src/phone/settings.c src/phone/units.c src/phone/settings.h src/phone/settings.def \
	src/phone/show.c \
	src/phone/store.c src/phone/store.h src/phone/store_db.c src/phone/store_journal.c src/phone/store_internal.h src/phone/sound.c src/phone/files.c src/phone/conference.c \
	src/phone/devices.c \
	src/phone/subscriptions.c src/phone/subscriptions.h src/phone/watched.c src/phone/watch.h src/phone/pickup.c \
	src/phone/vcard.c src/phone/target.c \
	src/phone/referral.c src/phone/transfer.c src/phone/trace.c src/phone/trace.h
