/* rpc: what runners need of JSON-RPC. */
#pragma once

#include "command/internal.h"

/** The runner goes: nobody is left to whom the answers that were collected could be given. */
void rpc_forget_batches(struct runner *runner);
/** Answer a request; the reply's id is used up. */
void rpc_answer(struct reply *reply, const struct invocation *invocation, const char *text);
void rpc_answer_failure(struct reply *reply, const struct failure *failure);
/** A command has failed; a result that it has nevertheless is told with the failure. */
void rpc_answer_failed(struct reply *reply, const struct invocation *invocation);
