package relayvm

import (
	"fmt"
	"maps"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/scheduler"
)

// world is the parachain host's state after a block, as that block's children find it: if a session begins with them,
// it has begun. It is made of pieces, each an entry of the database, encoded as JSON. When its block is built or
// verified it doesn't change any more, and shares with the worlds around it what is the same; so it can be read by
// anybody.
type world struct {
	config  *settings
	session *session
	sets    []validatorSet
	cores   *scheduler.State
	paras   map[uint32]*Para
	pending map[uint32]*pending
	events  []event
	// changed are the keys of the pieces that the block has changed.
	changed map[string]bool
}

// settings are the configuration and what comes with the next session.
type settings struct {
	Active Configuration  `json:"active"`
	Next   *Configuration `json:"next,omitempty"`
}

// Validator is one of a session: whose key signs statements and bitfields, and where it is.
type Validator struct {
	PublicKey primitives.Hash   `json:"publicKey"` // ed25519
	NodeID    primitives.NodeID `json:"nodeId"`
	Stake     uint64            `json:"stake"`
}

// session is the one that children of the block belong to.
type session struct {
	Index      uint32      `json:"index"`
	Start      uint64      `json:"start"` // height of its first block
	Validators []Validator `json:"validators"`
	Next       []Validator `json:"next,omitempty"` // from the next session on; nil: the same
}

// validatorSet is that of an earlier session: what it has signed can still be judged.
type validatorSet struct {
	Session    uint32      `json:"session"`
	Validators []Validator `json:"validators"`
}

// Keys of the pieces.
const (
	keyConfig  = "host/config"
	keySession = "host/session"
	keySets    = "host/sets"
	keyCores   = "host/cores"
	keyEvents  = "host/events"
	keyPara    = "host/para/"
	keyPending = "host/pending/"
	keysBegin  = "host/"
)

func paraKey(id uint32) string { return keyPara + fmt.Sprintf("%010d", id) }

func pendingKey(id uint32) string { return keyPending + fmt.Sprintf("%010d", id) }

func emptyWorld() *world {
	return &world{
		config: &settings{}, session: &session{}, cores: &scheduler.State{},
		paras: map[uint32]*Para{}, pending: map[uint32]*pending{}, changed: map[string]bool{},
	}
}

// child is a world to be changed by the next block.
func (w *world) child() *world {
	c := *w
	c.paras, c.pending = maps.Clone(w.paras), maps.Clone(w.pending)
	c.cores, c.events, c.changed = w.cores.Clone(), nil, map[string]bool{}
	c.touch(keyCores)
	if len(w.events) > 0 {
		c.touch(keyEvents)
	}
	return &c
}

func (w *world) touch(key string) { w.changed[key] = true }

// setPara puts a changed copy of a para in its place.
func (w *world) setPara(p Para) {
	w.paras[p.ID] = &p
	w.touch(paraKey(p.ID))
}

// setPending notes the candidate that a para has on a core; nil: none.
func (w *world) setPending(para uint32, p *pending) {
	if p == nil {
		delete(w.pending, para)
	} else {
		w.pending[para] = p
	}
	w.touch(pendingKey(para))
}

func (w *world) emit(e event) {
	w.events = append(w.events, e)
	w.touch(keyEvents)
}
