package snowman

import (
	"time"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/validators"
)

// mutes is who has just sent what can't be: a wrong signature, a header that breaks the rules. Finding that out costs
// this node more than it costs the sender, so nothing that takes as much is heard from it for a while: no block, no
// vote, no proof. An honest node checks what it sends and is never one of them.
type mutes struct {
	*turn
	set   *validators.Set
	until map[account]time.Time
}

// muteTime is how long nothing is heard.
const muteTime = time.Second

func newMutes(t *turn, set *validators.Set) *mutes {
	return &mutes{turn: t, set: set, until: make(map[account]time.Time)}
}

func (m *mutes) mute(n primitives.NodeID) { m.until[accountOf(m.set, n)] = m.now.Add(muteTime) }

func (m *mutes) muted(n primitives.NodeID) bool { return m.now.Before(m.until[accountOf(m.set, n)]) }
