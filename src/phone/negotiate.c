#include "phone/negotiate.h"

#include "base/xmalloc.h"
#include "phone/phone_internal.h"

#include <unistd.h>

enum { DESCRIPTION_MAX = 2 * SDP_MAX };

void media_init_alone(struct call_media *media, struct phone *phone, uintptr_t user, bool loop_back)
{
	*media = (struct call_media){
		.phone = phone, .user = user, .loop_back = loop_back, .rtp_fd = -1, .rtcp_fd = -1
	};
	media->last.rtt_ms = -1;
}

void media_init(struct call_media *media, const struct call *call)
{
	media_init_alone(media, call->phone, call->number, false);
	media->call = call;
}

static void read_ports(const struct settings *settings, uint16_t *low, uint16_t *high)
{
	struct slice to = slice_of(settings_text(settings, "media.ports")), from = slice_cut(&to, '-');
	uint64_t number;

	*low = slice_to_u64(slice_trim(from), 65535, &number) ? (uint16_t)number : 20000;
	*high = slice_to_u64(slice_trim(to), 65535, &number) ? (uint16_t)number : 20998;
}

bool media_is_full(const struct phone *phone, const struct account *account, const struct address *local)
{
	uint16_t low, high;

	read_ports(account_settings(phone, account, "media.ports"), &low, &high);
	return net_rtp_full(phone->rtp_ports, local, low, high);
}

enum { SPARE_KEPT_US = 60 * SECOND_US };

static void drop_spare(void *arg)
{
	net_rtp_drop_spare(((struct phone *)arg)->rtp_ports);
}

void media_turn_end(struct phone *phone)
{
	if (net_rtp_prepare(phone->rtp_ports))
		timer_start(phone->timers, &phone->spare_timer, SPARE_KEPT_US, drop_spare, phone);
	if (phone->engine)
		engine_turn_end(phone->engine);
}

static uint32_t ptime_of(const struct call_media *media)
{
	/* The engine works in ticks of 10 ms. */
	return (uint32_t)(settings_number(media_settings(media, "media.ptime"), "media.ptime") / (10 * MS_US)) * 10;
}

enum err media_open(struct call_media *media, const struct address *local, const char *codec,
		    enum media_encryption encryption)
{
	struct phone *phone = media->phone;
	uint16_t low, high;
	uint64_t id;

	enum err err = media_list_again(media, codec);
	if (!err && encryption == MEDIA_ENCRYPTION_REQUIRED && !encryption_is_possible(media))
		err = ERR_UNSUPPORTED;
	if (err)
		return err;
	read_ports(media_settings(media, "media.ports"), &low, &high);
	if (!net_rtp_pair(phone->rtp_ports, local, low, high, &media->rtp_fd, &media->rtcp_fd, &media->local, &err))
		return err;
	media->ptime_ms = ptime_of(media);
	media->rtcp_mux = settings_on(media_settings(media, "media.rtcp-mux"), "media.rtcp-mux");
	media->encryption = encryption;
	encryption_make_keys(media);
	if (encryption == MEDIA_ENCRYPTION_OPTIONAL && !media->keys.count)
		media->encryption = MEDIA_CLEAR;
	random_fill(&phone->random, &id, sizeof id);
	media->negotiation = sdp_negotiation_new(id >> 33, "offhook");
	media->opened = true;
	return ERR_NONE;
}

static void drop_legs(struct call_media *media)
{
	for (size_t i = 0; i < media->leg_count; i++)
		sdp_negotiation_free(media->legs[i].negotiation);
	if (media->legs)
		explicit_bzero(media->legs, media->leg_count * sizeof *media->legs);
	free(media->legs);
	media->legs = NULL;
	media->leg_count = media->leg_room = 0;
}

/* What stood before the exchange under way. Plans hold keys. */
static void drop_before(struct call_media *media)
{
	sdp_negotiation_free(media->before);
	if (media->plan_before)
		explicit_bzero(media->plan_before, sizeof *media->plan_before);
	free(media->plan_before);
	media->before = NULL;
	media->plan_before = NULL;
}

/* The stream and its sockets; its last numbers stay readable. */
static void close_sockets(struct call_media *media)
{
	if (media->stream) {
		engine_stats(media->stream, &media->last);
		media->has_stats = true;
		engine_remove(media->phone->engine, media->stream);
		media->stream = NULL;
	}
	if (media->opened && !media->rtp_taken) {
		close(media->rtp_fd);
		if (media->rtcp_fd >= 0)
			close(media->rtcp_fd);
		net_rtp_release(media->phone->rtp_ports, &media->local);
	}
	media->rtp_fd = media->rtcp_fd = -1;
}

enum err media_move(struct call_media *media, const struct address *local)
{
	struct address bound;
	uint16_t low, high;
	int rtp, rtcp;
	enum err err = ERR_NONE;

	read_ports(media_settings(media, "media.ports"), &low, &high);
	if (!net_rtp_pair(media->phone->rtp_ports, local, low, high, &rtp, &rtcp, &bound, &err))
		return err;
	close_sockets(media);
	media->rtp_fd = rtp;
	media->rtcp_fd = rtcp;
	media->local = bound;
	media->rtp_taken = false;
	return ERR_NONE;
}

void media_close(struct call_media *media)
{
	close_sockets(media);
	drop_legs(media);
	drop_before(media);
	sdp_negotiation_free(media->negotiation);
	media->negotiation = NULL;
	explicit_bzero(&media->keys, sizeof media->keys);
	/* Which suite it was may still be asked. */
	struct stream_protection *protection = &media->plan.config.protection;
	*protection = (struct stream_protection){ .suite = protection->suite };
	media->opened = false;
}

static struct sdp_local local_description(struct call_media *media)
{
	struct sdp_local local = { .codecs = media->codecs,
				   .codec_count = media->codec_count,
				   .rtp = media->local,
				   .ptime_ms = media->ptime_ms,
				   .direction = media->held ? SDP_SENDONLY : SDP_SENDRECV };

	local.rtcp_mux = media->rtcp_mux;
	media_describe_bandwidth(media, &local);
	encryption_describe(media, &local);
	return local;
}

/* ---- the stream ---- */

static enum err change(struct call_media *media, const struct stream_config *plan)
{
	struct stream_config config = *plan;

	config.sends &= !media->withheld;
	return engine_change(media->phone->engine, media->stream, &config);
}

/* Start or change the stream. A plan without audio silences it but keeps its sockets: a later offer may bring audio
 * back. */
static bool apply(struct call_media *media, const struct media_plan *plan)
{
	struct stream_config config = plan->usable ? plan->config : media->plan.config;
	enum err err = ERR_NONE;

	if (!plan->usable) {
		if (!media->stream)
			return false;
		config.sends = config.receives = false;
	}
	if (!media->settled) {
		config.sends &= media->early == MEDIA_EARLY_ON;
		config.receives &= media->early != MEDIA_EARLY_OFF;
	}
	if (media->plan.config.protection.suite != STREAM_CLEAR && config.protection.suite == STREAM_CLEAR)
		log_line(media->phone->log, LOG_WARNING, "the sound of a call is no longer encrypted");
	media->plan = *plan;
	media->plan.config = config;
	if (!media->cname[0])
		random_token(&media->phone->random, media->cname, CNAME_CHARS);
	memcpy(config.cname, media->cname, sizeof media->cname);
	if (media->stream) {
		err = change(media, &config);
	} else {
		config.rtp_fd = media->rtp_fd;
		config.rtcp_fd = media->rtcp_fd;
		config.local = media->local;
		config.sends &= !media->withheld;
		struct engine *engine = phone_engine(media->phone);
		err = ERR_DESCRIPTORS;
		media->stream = engine ? engine_add(engine, &config, (void *)media->user, &err) : NULL;
		if (media->stream) {
			err = ERR_NONE;
			media->rtp_taken = true;
			engine_mute(media->phone->engine, media->stream, media->muted);
		}
	}
	if (err)
		log_line(media->phone->log, LOG_WARNING, "the sound of a call cannot be set up: %s", err_text(err));
	return media->stream != NULL;
}

/* ---- offer and answer ---- */

void media_offer(struct call_media *media, struct buf *offer)
{
	struct sdp_local local = local_description(media);

	if (!media->opened)
		return;
	if (media->settled) {
		drop_before(media);
		media->before = sdp_negotiation_copy(media->negotiation);
		media->plan_before = xmalloc(sizeof *media->plan_before);
		*media->plan_before = media->plan;
		media->early_answer = false;
	}
	media->offers_keys = local.crypto_count;
	sdp_make_offer(media->negotiation, &local, offer);
}

void media_offer_stands(struct call_media *media)
{
	drop_before(media);
	media->early_answer = false;
}

void media_offer_refused(struct call_media *media)
{
	if (!media->negotiation)
		return;
	if (media->before && media->early_answer) {
		struct media_plan plan = *media->plan_before;
		sdp_roll_back(&media->negotiation, media->before);
		apply(media, &plan);
	} else {
		sdp_drop_offer(media->negotiation);
	}
	media_offer_stands(media);
}

static struct media_leg *leg_slot(struct call_media *media, int number)
{
	for (size_t i = 0; i < media->leg_count; i++)
		if (media->legs[i].number == number)
			return &media->legs[i];
	if (media->leg_count == MEDIA_LEGS_MAX) {
		struct media_leg *last = &media->legs[MEDIA_LEGS_MAX - 1];
		sdp_negotiation_free(last->negotiation);
		*last = (struct media_leg){ .number = number };
		return last;
	}
	if (media->leg_count == media->leg_room) {
		/* By hand: what is left behind holds keys. */
		struct media_leg *more = xcalloc(2 * media->leg_room + 1, sizeof *more);
		size_t bytes = media->leg_count * sizeof *more;
		if (bytes) {
			memcpy(more, media->legs, bytes);
			explicit_bzero(media->legs, bytes);
		}
		free(media->legs);
		media->legs = more;
		media->leg_room = 2 * media->leg_room + 1;
	}
	media->legs[media->leg_count] = (struct media_leg){ .number = number };
	return &media->legs[media->leg_count++];
}

void media_forget_leg(struct call_media *media, int number)
{
	size_t i = 0;

	while (i < media->leg_count && media->legs[i].number != (number < 0 ? 0 : number))
		i++;
	if (media->settled || i == media->leg_count)
		return;
	sdp_negotiation_free(media->legs[i].negotiation);
	memmove(&media->legs[i], &media->legs[i + 1], (--media->leg_count - i) * sizeof media->legs[i]);
	explicit_bzero(&media->legs[media->leg_count], sizeof media->legs[i]);
	/* What was heard is silent now; the next that has said where its sound is takes its place. */
	if (i == 0) {
		struct media_plan silence = { .usable = false };
		apply(media, media->leg_count && media->legs[0].plan.usable ? &media->legs[0].plan : &silence);
	}
}

static bool choose(struct call_media *media, struct media_leg *leg)
{
	struct media_plan plan = leg->plan;

	sdp_negotiation_free(media->negotiation);
	media->negotiation = leg->negotiation;
	leg->negotiation = NULL;
	drop_legs(media);
	media->settled = true;
	return apply(media, &plan);
}

bool media_choose_leg(struct call_media *media, int number)
{
	if (media->settled)
		return true;
	for (size_t i = 0; i < media->leg_count; i++)
		if (media->legs[i].number == (number < 0 ? 0 : number))
			return choose(media, &media->legs[i]);
	return false;
}

static struct media_leg *find_leg(struct call_media *media, int number)
{
	for (size_t i = 0; i < media->leg_count; i++)
		if (media->legs[i].number == number && media->legs[i].negotiation)
			return &media->legs[i];
	return NULL;
}

static bool take_settled_answer(struct call_media *media, struct slice answer)
{
	struct sdp_agreed agreed;
	struct media_plan plan;

	media->early_answer = true;
	if (!sdp_take_answer(media->negotiation, answer, &agreed))
		return false;
	media_make_plan(media, &agreed, &plan);
	return apply(media, &plan);
}

bool media_take_answer(struct call_media *media, int number, struct slice answer, bool final)
{
	struct sdp_agreed agreed;

	if (!media->opened)
		return false;
	if (media->settled)
		return take_settled_answer(media, answer);
	/* The offer stays pending in the original for the other legs; this leg's answer is taken by a copy. */
	struct media_leg *known = find_leg(media, number < 0 ? 0 : number);
	struct sdp_negotiation *fork = sdp_negotiation_copy(
		known && sdp_offer_pending(known->negotiation) ? known->negotiation : media->negotiation);
	if (!sdp_take_answer(fork, answer, &agreed)) {
		sdp_negotiation_free(fork);
		return false;
	}
	struct media_leg *leg = leg_slot(media, number < 0 ? 0 : number);
	sdp_negotiation_free(leg->negotiation);
	leg->negotiation = fork;
	media_make_plan(media, &agreed, &leg->plan);
	if (final)
		return choose(media, leg);
	/* Early: what the first leg says is heard; one that refuses audio early may still answer well. */
	if (leg == &media->legs[0] && leg->plan.usable)
		apply(media, &leg->plan);
	return true;
}

void media_offer_leg(struct call_media *media, int number, struct buf *offer)
{
	struct sdp_local local = local_description(media);
	struct media_leg *leg = media->settled ? NULL : find_leg(media, number);

	if (!leg) {
		media_offer(media, offer);
		return;
	}
	media->offers_keys = local.crypto_count;
	sdp_make_offer(leg->negotiation, &local, offer);
}

unsigned media_answer_leg(struct call_media *media, int number, struct slice offer, struct buf *answer)
{
	struct sdp_local local = local_description(media);
	struct sdp_agreed agreed;

	if (media->settled || !media->opened)
		return media_answer_offer(media, offer, answer);
	struct media_leg *leg = find_leg(media, number);
	if (!leg) {
		leg = leg_slot(media, number);
		sdp_negotiation_free(leg->negotiation);
		leg->negotiation = sdp_negotiation_copy(media->negotiation);
	}
	if (!sdp_make_answer(leg->negotiation, offer, &local, answer, &agreed))
		return 488;
	media_make_plan(media, &agreed, &leg->plan);
	if (!leg->plan.usable && leg != &media->legs[0])
		return 488;
	return leg != &media->legs[0] || apply(media, &leg->plan) ? 0 : 488;
}

unsigned media_answer_offer(struct call_media *media, struct slice offer, struct buf *answer)
{
	struct sdp_local local = local_description(media);
	struct sdp_agreed agreed;
	struct media_plan plan;

	if (!media->opened || !sdp_make_answer(media->negotiation, offer, &local, answer, &agreed))
		return 488;
	media_make_plan(media, &agreed, &plan);
	media->settled = true;
	if (!plan.usable && !media->stream)
		return 488;
	return apply(media, &plan) ? 0 : 500;
}

void media_refuse_offer(struct call_media *media, struct slice offer, struct buf *answer)
{
	struct sdp_local local = local_description(media);

	if (media->opened && !sdp_make_refusal(media->negotiation, offer, &local, answer))
		buf_clear(answer);
}

bool media_can_answer(const struct call *call, struct slice offer, const struct address *local, const char *codec,
		      enum media_encryption encryption, unsigned *warning)
{
	struct call_media trial;

	*warning = 0;
	media_init(&trial, call);
	if (media_list_again(&trial, codec))
		return false;
	trial.local = *local;
	address_set_port(&trial.local, 9);
	trial.encryption = encryption;
	encryption_make_keys(&trial);
	struct sdp_local description = local_description(&trial);
	*warning = sdp_refusal(offer, &description);
	return !*warning;
}

unsigned media_warning(struct call_media *media, struct slice offer)
{
	struct sdp_local local = local_description(media);

	return media->opened ? sdp_refusal(offer, &local) : 0;
}

void media_set_held(struct call_media *media, bool held)
{
	media->held = held;
	if (!media->stream)
		return;
	/* Nothing of ours is heard from now on, whatever the peer answers; resuming waits for its answer, since the
	 * plan that stands was made on hold. */
	struct stream_config config = media->plan.config;
	if (held)
		config.sends = config.receives = false;
	if (change(media, &config))
		log_line(media->phone->log, LOG_WARNING, "the sound of a call could not be changed");
}

/* Is that hold asked for, but not yet in the plan that stands? */
static bool hold_is_ahead(const struct call_media *media)
{
	return media->held && !media->plan.config.on_hold;
}

bool media_sends(const struct call_media *media)
{
	return media->stream && media->plan.usable && media->plan.config.sends && !hold_is_ahead(media);
}

void media_withhold(struct call_media *media, bool withheld)
{
	if (media->withheld == withheld)
		return;
	media->withheld = withheld;
	if (!media->stream)
		return;
	/* A hold whose offer waits, for the same ACK that ends this, counts already. */
	struct stream_config config = media->plan.config;
	if (hold_is_ahead(media))
		config.sends = config.receives = false;
	if (change(media, &config))
		log_line(media->phone->log, LOG_WARNING, "the sound of a call could not be changed");
}

bool media_stats(const struct call_media *media, struct stream_stats *stats)
{
	if (media->stream)
		engine_stats(media->stream, stats);
	else
		*stats = media->last;
	return media->stream || media->has_stats;
}

void media_capabilities(struct phone *phone, const struct address *local, struct buf *body)
{
	struct call_media trial;

	media_init_alone(&trial, phone, 0, false);
	if (media_list_again(&trial, NULL))
		return;
	trial.local = *local;
	trial.ptime_ms = ptime_of(&trial);
	struct sdp_local description = local_description(&trial);
	sdp_capabilities(&description, body);
}

const char *media_codec_in_use(const struct call_media *media)
{
	return media->plan.usable ? media_codec_name(media->plan.config.send.codec) : "";
}
