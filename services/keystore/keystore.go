// Package keystore signs for the validator, and is the only process that holds its signing key.
//
// It takes typed requests (SignBlock and SignVote from the engine, SignStatement from candidate-backing, SignBitfield
// from bitfield-signing, SignCollation in a collator's own keystore), builds the bytes itself, and answers with a
// signature or with a refusal that says why and proves it. An engine that starts asks it with QueryVotes what this key
// has voted last. It sends nothing and asks nobody.
//
// No signature leaves before its record is durable: requests that arrive while a sync is under way are made durable
// together by the next one. It never signs two things that contradict each other, across crashes, restarts and a second
// instance (internal/core/signlog has the rules). When the disk fails it refuses, stays up, and tries to open its log
// again; when the log is missing, damaged or a copy it refuses until an operator has run `reeve keys adopt`. It never
// logs or answers anything secret.
//
// All requests are done in the order in which they come, and whoever no longer waits gets no signature. So QueryVotes
// is told of every vote that was asked for before, by an engine that has ended meanwhile, too: it is signed by then, or
// never will be. It is told the votes of the height of the last one: at least the latest signlog.Limits.VotesPerChain
// (512 by default, at most twice as many), and always the latest commit vote for a block, the validator's lock.
//
// Why it refuses, and what that means for whoever asks:
//
//	CONFLICT   something else was signed there; the evidence proves it: never ask for this again
//	PASSED     a vote at or before the place of the last one on its chain: go on from what QueryVotes tells
//	PRUNED     below what is remembered, or below the floor that an operator has set: go on to a later place
//	MALFORMED  a hash without 32 bytes, a kind or phase that isn't known, too many bits: the asker's mistake
//	FULL       a chain more than signlog.Limits.Chains, or more statements of a session than it may remember
//	DISK       the log can't be read or written now; it is tried again by itself
//	LOCKED     another keystore holds the log; it is tried again by itself
//	OPERATOR   the key or the log is missing, damaged or a copy
//	STOPPING   it ends; its next instance answers
//
// More than Config.Waiting requests at once are failed as overloaded.
package keystore

import (
	"time"

	"github.com/reevenet/reeve/internal/core/signlog"
	"github.com/reevenet/reeve/internal/process/keys"
	"github.com/reevenet/reeve/internal/process/signer"
	"github.com/reevenet/reeve/internal/store/disk"
	"github.com/reevenet/reeve/overseer/subsystem"
	keystorev1 "github.com/reevenet/reeve/proto/reeve/keystore/v1"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

// Name is the subsystem's name.
const Name = "keystore"

// Config is what a keystore needs. A zero value in a field with a default takes it.
type Config struct {
	// Disk is the port to the files; default the operating system's.
	Disk disk.Disk
	// KeyFile is the file of the validator's signing key, as signer.Create makes it.
	KeyFile string
	// Dir is the directory of the log of what was signed.
	Dir string
	// Limits bounds what is remembered; default signlog.DefaultLimits.
	Limits signlog.Limits
	// Waiting is how many requests may wait for the disk; default 4096. More are failed as overloaded.
	Waiting int
	// RetryAfter is the pause before the log is opened again after an error; default 250 ms. It doubles up to
	// RetryAtMost, default 5 s.
	RetryAfter, RetryAtMost time.Duration
}

func (c Config) withDefaults() Config {
	if c.Disk == nil {
		c.Disk = disk.OS{}
	}
	if c.Waiting == 0 {
		c.Waiting = 4096
	}
	if c.RetryAfter == 0 {
		c.RetryAfter = 250 * time.Millisecond
	}
	if c.RetryAtMost == 0 {
		c.RetryAtMost = 5 * time.Second
	}
	return c
}

// Signer is the part of the configuration that says where the key and its log are.
func (c Config) Signer() signer.Config {
	c = c.withDefaults()
	return signer.Config{Disk: c.Disk, KeyFile: c.KeyFile, Dir: c.Dir, Limits: c.Limits}
}

// Spec declares the keystore.
func Spec(cfg Config) subsystem.Spec {
	return subsystem.Spec{
		Name:  Name,
		Class: subsystem.Single,
		New: func(sub *subsystem.Sub) (subsystem.Handler, error) {
			k := &keystore{sub: sub, cfg: cfg.withDefaults(), signer: signer.New(cfg.Signer())}
			k.open()
			return k, nil
		},
	}
}

type keystore struct {
	sub    *subsystem.Sub
	cfg    Config
	signer *signer.Signer

	state   state
	trouble trouble // why it refuses, when it does
	pause   time.Duration
	waiting []request // for the log to be open, or for the sync under way to end
	busy    bool      // a batch is being signed

	public                   keys.Public          // zero until it is loaded
	askers                   []*subsystem.Message // of PublicKeys, until then
	stats                    signer.Stats
	signed, refused, commits uint64
	lastError, logged        string
	lastErrorAt              time.Time
}

// Signal matters only at the end: nothing is signed any more.
func (k *keystore) Signal(sig *overseerv1.Signal) {
	if _, ok := sig.GetKind().(*overseerv1.Signal_Conclude); ok {
		k.stop()
	}
}

// Handle takes one message.
func (k *keystore) Handle(m *subsystem.Message) {
	switch body := m.Body.(type) {
	case *keystorev1.SignBlock:
		k.onSignBlock(m, body)
	case *keystorev1.SignVote:
		k.onSignVote(m, body)
	case *keystorev1.QueryVotes:
		k.onQueryVotes(m, body)
	case *keystorev1.SignStatement:
		k.onSignStatement(m, body)
	case *keystorev1.SignBitfield:
		k.onSignBitfield(m, body)
	case *keystorev1.SignCollation:
		k.onSignCollation(m, body)
	case *keystorev1.PublicKeys:
		k.onPublicKeys(m)
	default:
		m.Unknown()
	}
}

// Close gives the log up, after the batch that is being signed.
func (k *keystore) Close() {
	if err := k.signer.Close(); err != nil {
		k.sub.Log.Warn("the sign log didn't close cleanly", "why", err)
	}
}
