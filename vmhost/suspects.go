package vmhost

import (
	"fmt"
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/pause"
	"github.com/reevenet/reeve/internal/core/primitives"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// maxSuspects bounds what is remembered; the oldest is forgotten first.
const maxSuspects = 256

// suspects remembers blocks that a plugin was looking at when it died or hung, so that others have their turn before
// one of these is looked at again (package pause says when). It is no verdict: the block may be valid, and have nothing to do with the death.
type suspects struct {
	chain string
	known map[primitives.Hash]*suspicion
	order []primitives.Hash
}

// suspicion is what is held against one block.
type suspicion struct {
	deaths int
	until  time.Time // it isn't shown to a plugin before
	why    string    // of the last death
}

// blame holds a death against blocks; took is how long the plugin was busy with them before.
func (s *suspects) blame(now time.Time, took time.Duration, contents [][]byte, why string) {
	if s.known == nil {
		s.known = make(map[primitives.Hash]*suspicion)
	}
	for _, c := range contents {
		id := primitives.HashOf(c)
		if s.known[id] == nil {
			s.known[id] = &suspicion{}
			s.order = append(s.order, id)
		}
		k := s.known[id]
		k.until, k.why = now.Add(pause.After(k.deaths, took)), why
		k.deaths++
	}
	for len(s.order) > maxSuspects {
		delete(s.known, s.order[0])
		s.order = s.order[1:]
	}
}

// refusal is why one of the blocks isn't shown to a plugin now; nil: none is held back.
func (s *suspects) refusal(now time.Time, contents ...[]byte) *pluginv1.Error {
	if len(s.known) == 0 {
		return nil
	}
	for _, c := range contents {
		if k := s.known[primitives.HashOf(c)]; k != nil && now.Before(k.until) {
			return internal("%s; it has died %d times on this block, which it isn't shown again for %v, and at once after %s",
				k.why, k.deaths, k.until.Sub(now).Round(time.Millisecond), restartCommand(s.chain))
		}
	}
	return nil
}

// clear forgets what is held against blocks that a plugin has lived through.
func (s *suspects) clear(contents ...[]byte) {
	if len(s.known) == 0 {
		return
	}
	for _, c := range contents {
		id := primitives.HashOf(c)
		if s.known[id] != nil {
			delete(s.known, id)
			s.order = slices.DeleteFunc(s.order, func(o primitives.Hash) bool { return o == id })
		}
	}
}

// reset forgets everything: somebody has looked at the cause.
func (s *suspects) reset() { s.known, s.order = nil, nil }

func internal(format string, args ...any) *pluginv1.Error {
	failure := &pluginv1.Internal{Reason: fmt.Sprintf(format, args...)}
	return &pluginv1.Error{Kind: &pluginv1.Error_Internal{Internal: failure}}
}
