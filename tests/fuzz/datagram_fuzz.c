/*
 * Fuzz target of the SIP port: STUN, keep-alives, messages and noise, while a Binding request of ours is under way to
 * where they come from. Nothing may be sent that is longer than what came by more than a STUN answer is.
 * Run: datagram_fuzz tests/fuzz/corpus/datagram
 */
#include "sip/transport/stun.h"
#include "sip/transport/transport.h"
#include "tests/unit/sip/fake_net.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_message(void *arg, struct sip_message *message, const struct sip_source *source)
{
	(void)arg;
	(void)message;
	(void)source;
}

static void on_failed(void *arg, enum sip_protocol protocol, const struct address *remote, uint64_t flow_id,
		      enum err err)
{
	(void)arg;
	(void)protocol;
	(void)remote;
	(void)flow_id;
	(void)err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct transport_handlers handlers = { .request = on_message, .response = on_message, .failed = on_failed };
	struct sip_target target = fake_target("udp 198.51.100.7:5060");
	struct fake_net net;
	struct address mapped;

	if (size > 4096)
		return 0;
	fake_net_init(&net, 1);
	struct transport *transport = transport_new(&net.world, &handlers);
	fake_net_attach(&net, transport);
	transport_keep_alive(transport, &target, true);
	transport_keep_alive_agreed(transport, &target, true, 0);
	fake_net_pass(&net, 26 * SECOND_US);
	struct fake_packet *ours = fake_net_take(&net);
	if (!ours || ours->bytes_n != STUN_REQUEST)
		abort();
	fake_net_drop(&net);
	char *copy = slice_dup(slice_make(data, size));
	/* Whoever knows our number may answer: put it where an answer has it. */
	if (size >= STUN_REQUEST && data[0] == 1)
		memcpy(copy + 8, ours->bytes + 8, STUN_ID);
	fake_net_datagram_bytes(&net, "198.51.100.7:5060", slice_make(copy, size));
	struct fake_packet *sent = fake_net_take(&net);
	if (sent && !sent->message && sent->bytes_n > STUN_RESPONSE_MAX)
		abort();
	if (stun_read_response(slice_make(copy, size), (const unsigned char *)ours->bytes + 8, &mapped) &&
	    !address_is_set(&mapped))
		abort();
	free(copy);
	fake_net_pass(&net, 60 * SECOND_US);
	transport_free(transport);
	fake_net_fini(&net);
	return 0;
}
