// Package signlog is the memory of a signer: what was signed, the rules about what may be signed after it, and the form
// in which it is kept in a file. It is pure; package journal keeps such a file on a disk.
//
// The rules, each of which is a contradiction that other validators can prove and punish:
//
//   - one block per network, chain, height and slot;
//   - one vote per network, chain, height, round and phase, and none before the last one of its chain;
//   - one candidate seconded per relay parent;
//   - one statement per candidate: whoever seconded it doesn't also call it valid, let alone invalid;
//   - one availability bitfield per relay parent;
//   - one collation per relay parent and para (collators aren't punished for more: this one is a courtesy).
//
// Each rule is a place that holds one record: a payload that wants a taken place is refused, unless it is the very
// payload that is there, for which ed25519 gives the same signature again.
//
// The memory is bounded. Of each chain the latest blocks are remembered, in the order of height and slot, and of
// statements and bitfields the latest sessions; below what was forgotten lies a floor, and what isn't above the floor
// is refused. A session is part of what is signed, so nobody can lift an old statement over the floor. Collations are
// forgotten in the order in which they came, without a floor.
//
// Of the votes on a chain those of the height of the last one are remembered, the latest ones, and always the latest
// commit vote for a block: it is the lock of a validator (docs/finality.md), which nothing but the next height ends,
// however many rounds go by.
package signlog

import (
	"fmt"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/signbytes"
)

// Record is one payload that was signed, or is about to be.
type Record struct {
	// Seq numbers the records of a key from 1, over all its files.
	Seq uint64
	// Payload is the canonical encoding.
	Payload []byte
}

// Limits bounds what is remembered.
type Limits struct {
	// Chains is how many chains there may be; another is refused.
	Chains int
	// BlocksPerChain is how many blocks of a chain are remembered at least; up to twice as many are.
	BlocksPerChain int
	// VotesPerChain is how many votes at the height of the last vote on a chain are remembered at least, not less than
	// 1; up to twice as many are, the lock included. The votes of other heights are forgotten.
	VotesPerChain int
	// VoteBytes is the memory for statements and bitfields. When it is full, sessions lower than that of the next
	// statement are forgotten; when there is none, the statement is refused.
	VoteBytes int
	// Collations is how many collations are remembered.
	Collations int
}

// DefaultLimits take some 40 MiB at the very most, and less than one in an ordinary validator.
var DefaultLimits = Limits{Chains: 64, BlocksPerChain: 1024, VotesPerChain: 512, VoteBytes: 16 << 20, Collations: 4096}

// ConflictError refuses a payload because its place is taken.
type ConflictError struct {
	// Before is what was signed, Now what was asked for: both canonical encodings.
	Before Record
	Now    []byte
}

// Error says both, so that the log alone explains the refusal.
func (e *ConflictError) Error() string {
	return fmt.Sprintf(
		"refused to sign a %s: record %d signed a %s",
		describe(e.Now),
		e.Before.Seq,
		describe(e.Before.Payload),
	)
}

// PrunedError refuses a payload that is at or below the floor: what was signed there is forgotten.
type PrunedError struct{ What, Floor string }

// Error is a sentence.
func (e *PrunedError) Error() string {
	return fmt.Sprintf("refused to sign a %s: what was signed up to %s is no longer remembered", e.What, e.Floor)
}

// FullError refuses a payload because nothing may be forgotten to make room for it.
type FullError struct{ What, Limit string }

// Error is a sentence.
func (e *FullError) Error() string {
	return fmt.Sprintf("refused to sign a %s: the log holds %s, and none of them may be forgotten yet", e.What, e.Limit)
}

// PassedError refuses a vote because this key has voted later in the same chain.
type PassedError struct {
	What   string
	Height uint64
	Round  uint32
}

// Error is a sentence.
func (e *PassedError) Error() string {
	return fmt.Sprintf(
		"refused to sign a %s: this key has voted at height %d, round %d since",
		e.What,
		e.Height,
		e.Round,
	)
}

func describe(encoded []byte) string {
	p, err := signbytes.Decode(encoded)
	if err != nil {
		return err.Error()
	}
	return p.String()
}

// rule is one of the rules of the package comment.
type rule uint8

const (
	oneBlock rule = iota + 1
	oneSeconded
	oneStatement
	oneBitfield
	oneCollation
	oneVote
)

// place is what at most one record may hold.
type place struct {
	rule         rule
	number       uint32 // network or para
	hash         primitives.Hash
	height, slot uint64 // slot of a block; round and phase of a vote
}

// placesOf lists the places that a payload takes.
func placesOf(p signbytes.Payload) []place {
	switch p := p.(type) {
	case signbytes.Block:
		return []place{{rule: oneBlock, number: p.NetworkID, hash: p.ChainID, height: p.Height, slot: p.Slot}}
	case signbytes.Vote:
		at := turnOf(p)
		return []place{{rule: oneVote, number: p.NetworkID, hash: p.ChainID, height: at.height, slot: at.place}}
	case signbytes.Statement:
		places := []place{{rule: oneStatement, hash: p.Candidate}}
		if p.Verdict == signbytes.Seconded {
			places = append(places, place{rule: oneSeconded, hash: p.RelayParent})
		}
		return places
	case signbytes.Bitfield:
		return []place{{rule: oneBitfield, hash: p.RelayParent}}
	case signbytes.Collation:
		return []place{{rule: oneCollation, number: p.ParaID, hash: p.RelayParent}}
	}
	return nil
}
