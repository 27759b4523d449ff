package keystore

import (
	"errors"

	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/signlog"
	"github.com/reevenet/reeve/internal/process/signer"
	"github.com/reevenet/reeve/overseer/subsystem"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
)

// accept takes a request in, or refuses it at once. malformed is what is wrong with it, if something is.
func (k *keystore) accept(r request, malformed error) {
	switch {
	case malformed != nil:
		k.refuse(r, &keystorev1.Refusal{Reason: keystorev1.Refusal_REASON_MALFORMED, Explanation: malformed.Error()})
	case k.trouble.err != nil:
		k.refuse(r, k.trouble.refusal())
	case len(k.waiting) >= k.cfg.Waiting:
		r.message.Fail(subsystem.Failf(subsystem.Overloaded, "%d requests wait for the sign log already",
			len(k.waiting)))
	default:
		k.waiting = append(k.waiting, r)
		k.next()
	}
}

// next does what waits, as much as one sync is for, when nothing else is being done.
func (k *keystore) next() {
	if k.busy || k.state != ready {
		return
	}
	batch := k.batch()
	if len(batch) == 0 {
		return
	}
	work := k.workOf(batch)
	k.busy = true
	subsystem.Offload(k.sub, work, func(res result, err error) { k.onDone(batch, res, err) })
}

// batch takes out what is done together, in the order in which it came: requests to sign, and a question for votes only
// as the last, so that it is told of all before it. Nothing is done for those who no longer wait for the answer.
func (k *keystore) batch() (batch []request) {
	for len(k.waiting) > 0 && len(batch) < signer.MaxBatch {
		r := k.waiting[0]
		k.waiting = k.waiting[1:]
		if !r.message.Open() {
			continue
		}
		batch = append(batch, r)
		if r.votesOf != nil {
			break
		}
	}
	return batch
}

// result is what came of a batch: one for each payload, and the answer to the question for votes.
type result struct {
	signed []signer.Signed
	stats  signer.Stats
	votes  *keystorev1.QueryVotesResponse
}

// workOf is what a batch asks of the signer, away from the loop.
func (k *keystore) workOf(batch []request) func() (result, error) {
	var payloads []signbytes.Payload
	var votesOf *chain
	for _, r := range batch {
		if r.votesOf != nil {
			votesOf = r.votesOf
			continue
		}
		payloads = append(payloads, k.complete(r.payload))
	}
	return func() (res result, err error) {
		if len(payloads) > 0 {
			res.signed, res.stats, err = k.signer.Sign(payloads)
		}
		if err == nil && votesOf != nil {
			res.votes, err = votesOn(k.signer, votesOf)
		}
		return res, err
	}
}

// onDone answers a batch. All that isn't refused in it is durable, or nothing was signed.
func (k *keystore) onDone(batch []request, res result, err error) {
	k.busy = false
	if err != nil {
		k.fail(err)
		for _, r := range batch {
			k.refuse(r, k.trouble.refusal())
		}
		return
	}
	if len(res.signed) > 0 {
		k.committed(res.stats)
	}
	for i, r := range batch {
		if r.votesOf != nil {
			r.message.Reply(res.votes)
		} else {
			k.answer(r, res.signed[i])
		}
	}
	k.next()
}

// committed notes how the log is after a batch.
func (k *keystore) committed(stats signer.Stats) {
	if stats.Warning != nil && k.stats.Warning == nil {
		k.note(stats.Warning)
	}
	k.stats = stats
	k.commits++
}

func (k *keystore) answer(r request, s signer.Signed) {
	if s.Err != nil {
		k.sub.Log.Warn("refused to sign", "for", r.message.From, "why", s.Err)
		k.refuse(r, refusalOf(s.Err))
		return
	}
	k.signed++
	signature := &keystorev1.Signature{Signature: s.Signature, PayloadHash: s.PayloadHash[:], PublicKey: k.public[:]}
	r.message.Reply(r.answer(signature, nil))
}

func (k *keystore) refuse(r request, why *keystorev1.Refusal) {
	k.refused++
	r.message.Reply(r.answer(nil, why))
}

// refusalOf turns an error of signlog.Memory.Admit into an answer.
func refusalOf(err error) *keystorev1.Refusal {
	refusal := &keystorev1.Refusal{Reason: keystorev1.Refusal_REASON_MALFORMED, Explanation: err.Error()}
	var conflict *signlog.ConflictError
	var pruned *signlog.PrunedError
	var full *signlog.FullError
	var passed *signlog.PassedError
	switch {
	case errors.As(err, &conflict):
		refusal.Reason = keystorev1.Refusal_REASON_CONFLICT
		refusal.Evidence = &keystorev1.Evidence{
			SignedPayload: conflict.Before.Payload, RefusedPayload: conflict.Now, Record: conflict.Before.Seq,
		}
	case errors.As(err, &pruned):
		refusal.Reason = keystorev1.Refusal_REASON_PRUNED
	case errors.As(err, &full):
		refusal.Reason = keystorev1.Refusal_REASON_FULL
	case errors.As(err, &passed):
		refusal.Reason = keystorev1.Refusal_REASON_PASSED
	}
	return refusal
}
