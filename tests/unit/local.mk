# Unit tests mirror src/: each links only the libraries of the floors below it, so that the build itself is the rule.
EXTRA_DIST += tests/unit/guard.h
include tests/unit/base/local.mk
include tests/unit/loop/local.mk
include tests/unit/sip/syntax/local.mk
include tests/unit/sip/transport/local.mk
include tests/unit/sip/transaction/local.mk
include tests/unit/sip/ua/local.mk
include tests/unit/sdp/local.mk
include tests/unit/bodies/local.mk
include tests/unit/net/local.mk
include tests/unit/media/local.mk
include tests/unit/phone/local.mk
include tests/unit/command/local.mk
include tests/unit/ui/local.mk
