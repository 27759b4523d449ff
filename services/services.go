// Package services lists the parts of a node by hand: every Spec, and whose each protocol between nodes is. A part that isn't here
// doesn't exist; a part that is here and has no line in AllMessages, or the other way round, fails a test.
package services

import (
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/overseer/subsystem"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	"github.com/reevenet/reeve/services/engine"
	"github.com/reevenet/reeve/services/keystore"
	"github.com/reevenet/reeve/services/networkbridge"
	"github.com/reevenet/reeve/vmhost"
)

// Protocols says which subsystem each protocol between nodes belongs to, and on which lane it travels.
var Protocols = []networkbridge.Protocol{
	{Name: engine.ProtocolConsensus, Subsystem: engine.Name, Event: engineEvent, Lane: networkbridge.LaneConsensus, NoViews: true},
	{Name: engine.ProtocolApp, Subsystem: engine.Name, Event: engineEvent, Lane: networkbridge.LaneBacking, NoViews: true},
	{Name: engine.ProtocolGossip, Subsystem: engine.Name, Event: engineEvent, Lane: networkbridge.LaneGossip, NoViews: true},
	{Name: engine.ProtocolBulk, Subsystem: engine.Name, Event: engineEvent, Lane: networkbridge.LaneBulk, NoViews: true},
}

func engineEvent(e *nbv1.NetworkBridgeEvent) proto.Message {
	return &enginev1.NetworkBridgeUpdate{Event: e}
}

// All lists the Specs of a node, without ports: who they are, what they send and what they ask. The overseer holds every instance
// to them. Whoever runs one gives its Config the ports.
func All() []subsystem.Spec {
	return []subsystem.Spec{
		engine.Spec(engine.Config{}),
		vmhost.Spec(vmhost.Config{}),
		networkbridge.Spec(networkbridge.Config{Protocols: Protocols}),
		keystore.Spec(keystore.Config{}),
	}
}
