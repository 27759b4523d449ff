package keystore

import (
	"strings"
	"time"

	"github.com/reevenet/reeve/internal/process/keys"
	"github.com/reevenet/reeve/overseer/subsystem"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
)

// state is what the keystore is doing.
type state string

const (
	opening       state = "opening"        // reading and verifying its log; requests wait
	ready         state = "ready"          // signing
	failed        state = "failed"         // refusing, and trying again
	needsOperator state = "needs-operator" // refusing until an operator acts
	stopping      state = "stopping"       // refusing, because it is stopping
)

// Status says how the keystore is. Nothing secret is in it.
func (k *keystore) Status(s *subsystem.Status) {
	cause := ""
	if k.state != ready {
		cause = strings.TrimSpace(string(k.state) + " " + k.lastError)
	}
	s.Check("signing", cause)
	s.Text("state", string(k.state))
	s.Text("last-error", k.lastError)
	if !k.lastErrorAt.IsZero() {
		s.Text("last-error-at", k.lastErrorAt.UTC().Format(time.RFC3339))
	}
	for _, f := range k.numbers() {
		s.Number(f.name, int64(f.value))
	}
}

// number is a value of the status.
type number struct {
	name  string
	value uint64
}

func (k *keystore) numbers() []number {
	list := []number{
		{"signed", k.signed}, {"refused", k.refused}, {"commits", k.commits}, // since the process began
		// In the log since the key was made, and of them in memory.
		{"records", k.stats.Records}, {"remembered", k.stats.Remembered},
		{"fencing-number", k.stats.Epoch}, // how many times a keystore has taken this log
		{"log-bytes", uint64(k.stats.Bytes)},
	}
	for _, t := range k.stats.Turns { // where the key has voted last; in a node of several chains each by its id
		of := ""
		if len(k.stats.Turns) > 1 {
			of = "-" + t.Chain.Short()
		}
		list = append(list, number{"voted-height" + of, t.Height}, number{"voted-round" + of, uint64(t.Round)})
	}
	return list
}

// onPublicKeys answers when the key has been loaded, or couldn't be.
func (k *keystore) onPublicKeys(m *subsystem.Message) {
	switch {
	case k.public != keys.Public{}:
		m.Reply(&keystorev1.PublicKeysResponse{Keys: []*keystorev1.PublicKey{{Purpose: "validator",
			Algorithm: "ed25519", Key: k.public[:]}}})
	case k.trouble.err != nil:
		m.Fail(subsystem.Failf(subsystem.Unavailable, "the signing key isn't loaded: %v", k.trouble.err))
	case len(k.askers) >= k.cfg.Waiting:
		m.Fail(subsystem.Failf(subsystem.Overloaded, "%d wait for the public key already", len(k.askers)))
	default:
		k.askers = append(k.askers, m)
	}
}

// learn keeps the public key, if opening the log has brought it, and answers those who wait for it.
func (k *keystore) learn(key keys.Public) {
	if key != (keys.Public{}) {
		k.public = key
	}
	askers := k.askers
	k.askers = nil
	for _, m := range askers {
		k.onPublicKeys(m)
	}
}
