package memnet_test

import (
	"testing"

	"github.com/reevenet/reeve/internal/core/primitives"
	nb "github.com/reevenet/reeve/services/networkbridge"
	"github.com/reevenet/reeve/services/networkbridge/memnet"
	"github.com/reevenet/reeve/services/networkbridge/transporttest"
)

func TestContract(t *testing.T) {
	transporttest.Run(t, func(*testing.T) transporttest.World {
		net := &memnet.Network{}
		return transporttest.World{
			Node:  func(_ *testing.T, i int) nb.Transport { return net.Node(primitives.NodeID{byte(i)}) },
			Drive: net.Run,
		}
	})
}
