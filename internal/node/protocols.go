package node

import (
	"google.golang.org/protobuf/proto"

	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	"github.com/reevenet/reeve/services/engine"
	"github.com/reevenet/reeve/services/networkbridge"
)

// protocols says which subsystem each protocol between nodes belongs to, and which lane carries it.
var protocols = []networkbridge.Protocol{
	{Name: engine.ProtocolConsensus, Subsystem: engine.Name, Event: engineEvent, Lane: networkbridge.LaneConsensus},
	{Name: engine.ProtocolApp, Subsystem: engine.Name, Event: engineEvent, Lane: networkbridge.LaneBacking},
	{Name: engine.ProtocolGossip, Subsystem: engine.Name, Event: engineEvent, Lane: networkbridge.LaneGossip},
	{Name: engine.ProtocolBulk, Subsystem: engine.Name, Event: engineEvent, Lane: networkbridge.LaneBulk},
}

func engineEvent(e *nbv1.NetworkBridgeEvent) proto.Message {
	return &enginev1.NetworkBridgeUpdate{Event: e}
}
