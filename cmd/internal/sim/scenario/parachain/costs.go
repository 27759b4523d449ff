package parachain

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/reevenet/reeve/cmd/internal/sim"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
)

// Bill is what nodes of a calm network have sent to one another while it made some relay blocks.
type Bill struct {
	Validators int    `json:"validators"`
	Paras      int    `json:"paras"`
	Group      int    `json:"group"` // members of the largest
	Blocks     uint64 `json:"blocks"`
	// Candidates were backed in these blocks, and Included as many.
	Candidates uint64 `json:"candidates"`
	Included   uint64 `json:"included"`
	Costs      []Cost `json:"costs"` // by kind
}

// Cost is what was sent of one kind, by all nodes together.
type Cost struct {
	Kind   string `json:"kind"`
	Frames uint64 `json:"frames"`
	Bytes  uint64 `json:"bytes"`
}

// perGroup is how many validators back a para in a network whose costs are measured, as with the peer.
const perGroup = 5

// Before anything is counted, so many blocks are there: nodes have found each other, and candidates are on cores.
const warmUp = 8

// The one-way delays of links when costs are measured: those of one site, so that candidates come as fast as they can.
const nearest, farthest = 100 * time.Microsecond, 2 * time.Millisecond

// maxMeasured is the virtual time that a measurement may take.
const maxMeasured = 5 * time.Minute

// Measure runs a calm network and counts what its nodes send during so many relay blocks.
func Measure(validators int, blocks uint64) (Bill, sim.Outcome) {
	b := &Bill{Validators: validators, Blocks: blocks}
	meter := &meter{by: map[string]*Cost{}}
	cfg := Config{Blocks: warmUp + blocks, tune: func(net *network) {
		net.size, net.paras = validators, max(1, validators/perGroup)
		net.session, net.rotate = 1200, 20
		net.World.Timing.Near, net.World.Timing.Far = nearest, farthest
		net.meter, meter.net = meter, net
		b.Paras, b.Group = net.paras, (validators+net.paras-1)/net.paras
	}}
	out := sim.Run(sim.Config{Nodes: validators, Calm: true, Duration: maxMeasured}, New(cfg), 1)
	b.Candidates, b.Included = meter.backed, meter.included
	for _, kind := range slices.Sorted(maps.Keys(meter.by)) {
		b.Costs = append(b.Costs, *meter.by[kind])
	}
	slices.SortStableFunc(b.Costs, func(x, y Cost) int { return cmp.Compare(y.Bytes, x.Bytes) })
	return *b, out
}

// meter counts while it runs.
type meter struct {
	net              *network
	by               map[string]*Cost
	backed, included uint64 // in the blocks that count
}

func (m *meter) counts() bool {
	height := uint64(len(m.net.relay.final))
	return height > warmUp && height <= m.net.cfg.Blocks
}

func (m *meter) count(kind string, bytes int) {
	if m == nil || !m.counts() {
		return
	}
	c := m.by[kind]
	if c == nil {
		c = &Cost{Kind: kind}
		m.by[kind] = c
	}
	c.Frames++
	c.Bytes += uint64(bytes)
}

// engineKind is what an engine's message is for: polls, votes, or blocks.
func engineKind(m *enginev1.PeerMessage) string {
	field := m.ProtoReflect().WhichOneof(m.ProtoReflect().Descriptor().Oneofs().ByName("kind"))
	if field == nil {
		return "consensus"
	}
	switch name := string(field.Name()); {
	case strings.HasSuffix(name, "query"), name == "chits":
		return "consensus: polls"
	case strings.Contains(name, "vote"), name == "proof", name == "certified":
		return "consensus: votes"
	}
	return "consensus: other"
}
