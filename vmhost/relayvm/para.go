package relayvm

import (
	"slices"

	"github.com/reevenet/reeve/internal/core/primitives"
)

// Kind is how a para comes to a core.
type Kind string

// A parachain has a core of its own, a parathread claims one for each candidate.
const (
	Parachain  Kind = "parachain"
	Parathread Kind = "parathread"
)

// Para is a chain that the relay chain looks after.
type Para struct {
	ID    uint32          `json:"id"`
	Kind  Kind            `json:"kind"`
	Owner primitives.Hash `json:"owner"` // the account that may upgrade its code
	Head  HexBytes        `json:"head"`
	Code  primitives.Hash `json:"code"` // hash of the code in force
	// Upgrade is announced and not in force; nil: none is.
	Upgrade *Upgrade `json:"upgrade,omitempty"`
	// Past are codes that were in force before, the oldest first; those of heights up to Forgotten aren't known.
	Past      []PastCode `json:"past,omitempty"`
	Forgotten uint64     `json:"forgotten,omitempty"`
	// LastUpgrade is when the code in force was due; 0: it is the first.
	LastUpgrade uint64 `json:"lastUpgrade,omitempty"`
	// Upward is how many messages it has sent to the relay chain.
	Upward uint64 `json:"upwardMessages"`
	// Since is the height at which it was registered, Included that at which a candidate of it was included last.
	Since    uint64 `json:"since"`
	Included uint64 `json:"included"`
	// Last is that candidate; nil: none was included yet.
	Last *LastIncluded `json:"lastIncluded,omitempty"`
}

// LastIncluded is the candidate that has made a para's head. Who has lost the para's state finds its data by it.
type LastIncluded struct {
	Candidate primitives.Hash `json:"candidate"`
	// Receipt is the canonical bytes of its short form, and Session that of the validators that hold its data.
	Receipt HexBytes `json:"receipt"`
	Session uint32   `json:"session"`
}

// Upgrade is code that is in force for candidates on relay parents from height At on. If it was announced by the owner
// it is so whether there are candidates or not: with the old code there may be none.
type Upgrade struct {
	Code    primitives.Hash `json:"code"`
	At      uint64          `json:"at"`
	ByOwner bool            `json:"byOwner,omitempty"`
}

// PastCode was in force up to the height At, and was replaced at the height Replaced.
type PastCode struct {
	Code     primitives.Hash `json:"code"`
	At       uint64          `json:"at"`
	Replaced uint64          `json:"replaced"`
}

// upgradable tells whether a para may announce new code at a height.
func (p *Para) upgradable(height uint64, c *Configuration) bool {
	return p.Upgrade == nil && (p.LastUpgrade == 0 || p.LastUpgrade+c.ValidationUpgradeFrequency <= height)
}

// upgraded is the para with the announced code in force, if that is due for a relay parent.
func (p Para) upgraded(relayParent, height uint64) Para {
	if p.Upgrade == nil || relayParent < p.Upgrade.At {
		return p
	}
	past := PastCode{Code: p.Code, At: p.Upgrade.At, Replaced: height}
	if p.Upgrade.ByOwner {
		past.At-- // no candidate of that height has been judged by the old code
	}
	p.Past = append(slices.Clone(p.Past), past)
	p.Code, p.LastUpgrade, p.Upgrade = p.Upgrade.Code, p.Upgrade.At, nil
	return p
}

// pruned is the para without codes that were replaced longer ago than the period.
func (p Para) pruned(height, period uint64) (Para, bool) {
	n := 0
	for n < len(p.Past) && p.Past[n].Replaced+period <= height {
		p.Forgotten = p.Past[n].At
		n++
	}
	p.Past = slices.Clone(p.Past[n:])
	return p, n > 0
}

// codeAt is the code for a block at a height of the relay chain, if a candidate on a relay parent in between (none:
// below zero) is included first; false: it is forgotten. The algorithm is the peer's validation_code_at.
func (p *Para) codeAt(height uint64, between int64) (primitives.Hash, bool) {
	switch {
	case between >= 0 && height <= uint64(between):
		return primitives.Hash{}, false
	case between >= 0 && p.Upgrade != nil && p.Upgrade.At <= uint64(between):
		return p.Upgrade.Code, true
	case p.Forgotten > 0 && height <= p.Forgotten:
		return primitives.Hash{}, false
	}
	for _, past := range p.Past {
		if height <= past.At {
			return past.Code, true
		}
	}
	return p.Code, true
}
