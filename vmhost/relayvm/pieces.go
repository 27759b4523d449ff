package relayvm

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/reevenet/reeve/internal/core/scheduler"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

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
