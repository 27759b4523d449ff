package keystore

import (
	"errors"

	"github.com/reevenet/reeve/internal/process/keys"
	"github.com/reevenet/reeve/internal/process/signer"
	"github.com/reevenet/reeve/internal/store/disk"
	"github.com/reevenet/reeve/internal/store/journal"
	"github.com/reevenet/reeve/overseer/subsystem"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
)

// trouble is why nothing is signed. The zero value is no trouble.
type trouble struct {
	err    error
	reason keystorev1.Refusal_Reason
	state  state
}

// troubleOf tells what an error of the signer means for those who ask.
func troubleOf(err error) trouble {
	var operator *journal.OperatorError
	switch {
	case errors.As(err, &operator), isAboutKey(err):
		return trouble{err, keystorev1.Refusal_REASON_OPERATOR, needsOperator}
	case errors.Is(err, disk.ErrLocked):
		return trouble{err, keystorev1.Refusal_REASON_LOCKED, failed}
	}
	return trouble{err, keystorev1.Refusal_REASON_DISK, failed}
}

func isAboutKey(err error) bool {
	for _, kind := range []error{keys.ErrMissing, keys.ErrBroken, keys.ErrExposed, keys.ErrPurpose} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

func (t trouble) refusal() *keystorev1.Refusal {
	return &keystorev1.Refusal{Reason: t.reason, Explanation: t.err.Error()}
}

// open reads and verifies the log, for the first time or again. Requests wait the first time; later they are refused
// meanwhile.
func (k *keystore) open() {
	if k.trouble.err == nil {
		k.state = opening
	}
	subsystem.Offload(k.sub, k.signer.Open, k.onOpen)
}

func (k *keystore) onOpen(stats signer.Stats, err error) {
	if k.state == stopping {
		return
	}
	defer k.learn(stats.Public)
	if err != nil {
		k.fail(err)
		return
	}
	k.stats, k.trouble, k.pause, k.logged = stats, trouble{}, 0, ""
	k.state = ready
	k.sub.Log.Info("ready to sign", "records", stats.Records, "remembered", stats.Remembered, "fencing", stats.Epoch,
		"cut off", stats.Torn)
	k.next()
}

// fail stops signing because of err, refuses all that waits, and tries again after a pause. The log is read and
// verified again then: after an error nothing is believed about it.
func (k *keystore) fail(err error) {
	if k.state == stopping {
		return
	}
	k.trouble = troubleOf(err)
	k.state = k.trouble.state
	k.note(err)
	k.refuseWaiting()
	k.pause = min(max(2*k.pause, k.cfg.RetryAfter), k.cfg.RetryAtMost)
	k.sub.After(k.pause, k.open)
}

// note remembers an error, and logs it unless the same is logged already since it was last well.
func (k *keystore) note(err error) {
	k.lastError, k.lastErrorAt = err.Error(), k.sub.Now()
	if k.lastError != k.logged {
		k.sub.Log.Error("the sign log is in trouble", "why", k.lastError)
		k.logged = k.lastError
	}
}

func (k *keystore) refuseWaiting() {
	waiting := k.waiting
	k.waiting = nil
	for _, r := range waiting {
		k.refuse(r, k.trouble.refusal())
	}
}

// stop refuses everything from now on; the batch that is being signed is still answered.
func (k *keystore) stop() {
	k.state = stopping
	k.trouble = trouble{errors.New("the keystore is stopping; ask its next instance"),
		keystorev1.Refusal_REASON_STOPPING, k.state}
	k.refuseWaiting()
	k.learn(k.public)
}
