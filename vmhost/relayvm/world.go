package relayvm

import (
	"encoding/json"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/scheduler"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// world is the parachain host's state after a block, as that block's children find it: if a session begins with them, it
// has begun. It is made of pieces, each an entry of the database, encoded as JSON. When its block is built or verified
// it doesn't change any more, and shares with the worlds around it what is the same; so it can be read by anybody.
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

func paraKey(id uint32) string    { return keyPara + fmt.Sprintf("%010d", id) }
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

// piece is an entry of the database; a nil value: there is none.
type piece struct {
	Key   string `json:"key"`
	Value []byte `json:"value,omitempty"`
}

// encode is the value of a piece's entry; nil: there is none.
func (w *world) encode(key string) []byte {
	var v any
	switch {
	case key == keyConfig:
		v = w.config
	case key == keySession:
		v = w.session
	case key == keySets:
		v = w.sets
	case key == keyCores:
		v = w.cores
	case key == keyEvents && len(w.events) > 0:
		v = w.events
	case strings.HasPrefix(key, keyPara):
		if p := w.paras[idOf(key, keyPara)]; p != nil {
			v = p
		}
	case strings.HasPrefix(key, keyPending):
		if p := w.pending[idOf(key, keyPending)]; p != nil {
			v = p
		}
	}
	if v == nil {
		return nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("%s has no encoding: %v", key, err)) // its types have one, whatever their values
	}
	return b
}

// decode puts an entry of the database into its place.
func (w *world) decode(p piece) error {
	err := w.put(p)
	if err != nil {
		return vmsdk.Corruptf("the entry %s can't be read: %v", p.Key, err)
	}
	return nil
}

func (w *world) put(p piece) error {
	switch {
	case p.Key == keyConfig:
		w.config = &settings{}
		return json.Unmarshal(p.Value, w.config)
	case p.Key == keySession:
		w.session = &session{}
		return json.Unmarshal(p.Value, w.session)
	case p.Key == keySets:
		w.sets = nil
		return readUnlessGone(p.Value, &w.sets)
	case p.Key == keyCores:
		w.cores = &scheduler.State{}
		return json.Unmarshal(p.Value, w.cores)
	case p.Key == keyEvents:
		w.events = nil
		return readUnlessGone(p.Value, &w.events)
	case strings.HasPrefix(p.Key, keyPara):
		return putIn(w.paras, idOf(p.Key, keyPara), p.Value)
	case strings.HasPrefix(p.Key, keyPending):
		return putIn(w.pending, idOf(p.Key, keyPending), p.Value)
	}
	return fmt.Errorf("no piece has this key")
}

func readUnlessGone(value []byte, v any) error {
	if value == nil {
		return nil
	}
	return json.Unmarshal(value, v)
}

func putIn[T any](m map[uint32]*T, id uint32, value []byte) error {
	if value == nil {
		delete(m, id)
		return nil
	}
	v := new(T)
	m[id] = v
	return json.Unmarshal(value, v)
}

// idOf is the para that the end of a key names.
func idOf(key, prefix string) uint32 {
	id, _ := strconv.ParseUint(strings.TrimPrefix(key, prefix), 10, 32)
	return uint32(id)
}
