package networkbridge

import (
	"fmt"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// Config is what a bridge needs. A zero value in a field with a default takes it.
type Config struct {
	// Transport is the port to the network. The bridge starts and closes it.
	Transport Transport
	// NetworkID names the network: a hash over its genesis. Nodes of another one are turned away.
	NetworkID primitives.Hash
	// Role is FULL or LIGHT; default FULL.
	Role nbv1.Role
	// Agent is the program and version shown to peers, at most 64 bytes.
	Agent string
	// Families are the ones that this node takes part in; default validation.
	Families []nbv1.Family
	// Chains are the names of the node's chains, for the protocols that are spoken for each. Empty: it has one, which
	// has no name.
	Chains []string
	// Protocols names the subsystem that each protocol belongs to, and how its events reach it.
	Protocols []Protocol
	// Peers are nodes to be connected to always, validators and bootnodes for example.
	Peers []Address
	// Validators is the set to begin with, by stake, until the engine sends another.
	Validators map[primitives.NodeID]uint64
	// Guarded is the validator that this node shields; Sentries are the nodes that shield this one. They have reserved
	// slots.
	Guarded  primitives.NodeID
	Sentries []primitives.NodeID
	// MaxPeers is the number of slots; default 200. A fifth of them may be taken by others than validators.
	MaxPeers int
	// PrivateNetworks is for a network that has private addresses: they are learnt from peers and told to them, and the
	// callers of one such network aren't counted.
	PrivateNetworks bool
	// NoPeerExchange keeps the node from introducing peers to one another, and from listening when they do.
	NoPeerExchange bool
	// Budgets is what one peer may send per lane; default DefaultBudgets.
	Budgets *[Lanes]Budget
}

// Protocol is one kind of traffic between equal subsystems of two nodes.
type Protocol struct {
	// Name travels in every frame: 1 to 32 bytes.
	Name string
	// Subsystem is the one that this protocol's events go to.
	Subsystem string
	// Event makes the subsystem's NetworkBridgeUpdate out of an event.
	Event func(*nbv1.NetworkBridgeEvent) proto.Message
	// Family is the set of peers that it is spoken with; default validation.
	Family nbv1.Family
	// Lane carries it.
	Lane Lane
	// PerChain: there is one of the subsystem per chain, and what is said is about one. A peer's message reaches the
	// one of its chain.
	PerChain bool
	// NoViews: the subsystem has no use for views, its peers' or ours, and gets none. On a network of n nodes that is n
	// messages less for every block.
	NoViews bool
	// MaxPayload is the largest payload in bytes; default and upper bound: what the lane carries.
	MaxPayload int
	// OpenRequests is how many unanswered requests one peer may have here; default 4.
	OpenRequests int
	// RequestTimeout is the longest deadline of a request; default 10 s.
	RequestTimeout time.Duration
}

// Budget is what one peer may send on one lane.
type Budget struct {
	Bytes, Frames Limit
}

// Limit is a rate and a burst, of bytes or of frames.
type Limit struct {
	PerSecond, Burst int
}

// bucket is so many times the limit, full.
func (l Limit) bucket(times int) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(l.PerSecond*times), l.Burst*times)
}

// DefaultBudgets is for a peer that isn't a validator; a validator may send eight times that.
var DefaultBudgets = [Lanes]Budget{
	LaneConsensus: {Bytes: Limit{4 << 20, 16 << 20}, Frames: Limit{1_000, 4_000}},
	LaneBacking:   {Bytes: Limit{2 << 20, 8 << 20}, Frames: Limit{2_000, 8_000}},
	LaneGossip:    {Bytes: Limit{512 << 10, 2 << 20}, Frames: Limit{2_000, 8_000}},
	LaneBulk:      {Bytes: Limit{32 << 20, 64 << 20}, Frames: Limit{500, 2_000}},
}

// What peers' requests are answered with, in bytes: servedToOne is for one peer that isn't a validator, servedToThem for
// all of those together. A small question may have a large answer, so the answer is what is paid for.
var (
	servedToOne  = Limit{2 << 20, 4 << 20}
	servedToThem = Limit{8 << 20, 16 << 20}
)

// validatorBudget is how many times a stranger's budget a validator has: gossip of a busy chain comes through them.
const validatorBudget = 8

func (c *Config) complete() error {
	if c.Transport == nil {
		return fmt.Errorf("%s needs a transport", Name)
	}
	if c.Role == nbv1.Role_ROLE_UNSPECIFIED {
		c.Role = nbv1.Role_ROLE_FULL
	}
	if len(c.Chains) == 0 {
		c.Chains = []string{""}
	}
	if len(c.Families) == 0 {
		c.Families = []nbv1.Family{nbv1.Family_FAMILY_VALIDATION}
	}
	if c.MaxPeers == 0 {
		c.MaxPeers = 200
	}
	if c.Budgets == nil {
		c.Budgets = &DefaultBudgets
	}
	return nil
}

func (p *Protocol) complete() error {
	if p.Name == "" || len(p.Name) > 32 {
		return fmt.Errorf("a protocol's name has 1 to 32 bytes, not %q", p.Name)
	}
	if p.Event == nil || p.Subsystem == "" || p.Lane >= Lanes {
		return fmt.Errorf("protocol %s needs a subsystem, an event function and a lane", p.Name)
	}
	if p.Family == nbv1.Family_FAMILY_UNSPECIFIED {
		p.Family = nbv1.Family_FAMILY_VALIDATION
	}
	if most := p.Lane.MaxFrame() - FrameOverhead; p.MaxPayload <= 0 || p.MaxPayload > most {
		p.MaxPayload = most
	}
	if p.OpenRequests == 0 {
		p.OpenRequests = 4
	}
	if p.RequestTimeout == 0 {
		p.RequestTimeout = 10 * time.Second
	}
	return nil
}
