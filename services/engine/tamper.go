package engine

import (
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
)

// Tamper stands between an engine and its peers and says to them what it likes. It is for drills in which a validator
// lies (cmd/internal/byzantine); no engine that anybody relies on has one. Both methods are called on the engine's
// loop.
type Tamper interface {
	// Hears is told of a peer's message before the engine handles it.
	Hears(from primitives.NodeID, m *enginev1.PeerMessage)
	// Says is given what the engine has for peers; nothing is sent but what Tamper sends. m is one of those that a
	// PeerMessage holds, and isn't changed.
	Says(to []primitives.NodeID, m proto.Message)
}

// NewTamper makes one for an engine. send sends to peers for it, and may be called on the engine's loop at any time.
type NewTamper func(sub *subsystem.Sub, send func(to []primitives.NodeID, m proto.Message)) Tamper
