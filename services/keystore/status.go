package keystore

import (
	"github.com/reevenet/reeve/internal/process/keys"
	"github.com/reevenet/reeve/overseer/subsystem"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
)

func (k *keystore) status() *keystorev1.StatusResponse {
	s := &keystorev1.StatusResponse{
		State: k.state, Records: k.stats.Records, Remembered: k.stats.Remembered, FencingNumber: k.stats.Epoch,
		LastError: k.lastError, Signed: k.signed, Refused: k.refused, Commits: k.commits, LogBytes: uint64(k.stats.Bytes),
	}
	if !k.lastErrorAt.IsZero() {
		s.LastErrorUnixMillis = uint64(k.lastErrorAt.UnixMilli())
	}
	return s
}

// onPublicKeys answers when the key has been loaded, or couldn't be.
func (k *keystore) onPublicKeys(m *subsystem.Message) {
	switch {
	case k.public != keys.Public{}:
		m.Reply(&keystorev1.PublicKeysResponse{Keys: []*keystorev1.PublicKey{{Purpose: "validator", Algorithm: "ed25519", Key: k.public[:]}}})
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
