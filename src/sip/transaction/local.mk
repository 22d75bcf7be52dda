noinst_LIBRARIES += src/sip/transaction/libtransaction.a
src_sip_transaction_libtransaction_a_SOURCES = \
	src/sip/transaction/client.c src/sip/transaction/client_actions.h \
	src/sip/transaction/internal.h \
	src/sip/transaction/invite_client.c \
	src/sip/transaction/invite_server.c \
	src/sip/transaction/machine.c src/sip/transaction/machine.h \
	src/sip/transaction/other_client.c \
	src/sip/transaction/other_server.c \
	src/sip/transaction/said.c src/sip/transaction/said.h \
	src/sip/transaction/server.c src/sip/transaction/server_actions.h \
	src/sip/transaction/transaction.c src/sip/transaction/transaction.h
