package node

import (
	"google.golang.org/protobuf/proto"

	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
	"github.com/reevenet/reeve/services/networkbridge"
)

// protocols says which subsystem each protocol between nodes belongs to.
var protocols = []networkbridge.Protocol{
	{Name: "consensus", Subsystem: "engine", Event: engineEvent, Lane: networkbridge.LaneConsensus},
}

func engineEvent(e *nbv1.NetworkBridgeEvent) proto.Message {
	return &enginev1.NetworkBridgeUpdate{Event: e}
}
