package keystore

import (
	"errors"

	"github.com/reevenet/reeve/internal/core/signbytes"
	"github.com/reevenet/reeve/internal/core/signlog"
	"github.com/reevenet/reeve/internal/process/signer"
	"github.com/reevenet/reeve/overseer/subsystem"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
)

// sign takes a request in, or refuses it at once. malformed is what is wrong with it, if something is.
func (k *keystore) sign(r request, malformed error) {
	switch {
	case malformed != nil:
		k.refuse(r, &keystorev1.Refusal{Reason: keystorev1.Refusal_REASON_MALFORMED, Explanation: malformed.Error()})
	case k.trouble.err != nil:
		k.refuse(r, k.trouble.refusal())
	case len(k.waiting) >= k.cfg.Waiting:
		r.message.Fail(subsystem.Failf(subsystem.Overloaded, "%d requests wait for the sign log already", len(k.waiting)))
	default:
		k.waiting = append(k.waiting, r)
		k.next()
	}
}

// next signs what waits, all of it with one sync, when nothing else is being signed.
func (k *keystore) next() {
	if k.busy || k.state != ready || len(k.waiting) == 0 {
		return
	}
	n := min(len(k.waiting), signer.MaxBatch)
	batch := k.waiting[:n:n]
	k.waiting = k.waiting[n:]
	payloads := make([]signbytes.Payload, n)
	for i, r := range batch {
		payloads[i] = k.complete(r.payload)
	}
	k.busy = true
	subsystem.Offload(k.sub, func() (result, error) {
		signed, stats, err := k.signer.Sign(payloads)
		return result{signed, stats}, err
	}, func(res result, err error) { k.onSigned(batch, res, err) })
}

type result struct {
	signed []signer.Signed
	stats  signer.Stats
}

// onSigned answers a batch. All that isn't refused in it is durable, or nothing was signed.
func (k *keystore) onSigned(batch []request, res result, err error) {
	k.busy = false
	if err != nil {
		k.fail(err)
		for _, r := range batch {
			k.refuse(r, k.trouble.refusal())
		}
		return
	}
	if res.stats.Warning != nil && k.stats.Warning == nil {
		k.note(res.stats.Warning)
	}
	k.stats = res.stats
	k.commits++
	for i, r := range batch {
		k.answer(r, res.signed[i])
	}
	k.next()
}

func (k *keystore) answer(r request, s signer.Signed) {
	if s.Err != nil {
		k.sub.Log.Warn("refused to sign", "for", r.message.From, "why", s.Err)
		k.refuse(r, refusalOf(s.Err))
		return
	}
	k.signed++
	r.message.Reply(r.answer(&keystorev1.Signature{Signature: s.Signature, PayloadHash: s.PayloadHash[:], PublicKey: k.public[:]}, nil))
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
	switch {
	case errors.As(err, &conflict):
		refusal.Reason = keystorev1.Refusal_REASON_CONFLICT
		refusal.Evidence = &keystorev1.Evidence{SignedPayload: conflict.Before.Payload, RefusedPayload: conflict.Now, Record: conflict.Before.Seq}
	case errors.As(err, &pruned):
		refusal.Reason = keystorev1.Refusal_REASON_PRUNED
	case errors.As(err, &full):
		refusal.Reason = keystorev1.Refusal_REASON_FULL
	}
	return refusal
}
