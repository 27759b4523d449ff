package networkbridge

import (
	"fmt"
	"slices"
	"time"

	"github.com/reevenet/reeve/internal/core/addrbook"
	"github.com/reevenet/reeve/internal/core/clocks"
	"github.com/reevenet/reeve/internal/core/peerslots"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/reputation"
	"github.com/reevenet/reeve/internal/core/twins"
	"github.com/reevenet/reeve/overseer/subsystem"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// bridge is the handler: it passes what arrives to its parts, and from one to another.
type bridge struct {
	cfg     Config
	sub     *subsystem.Sub
	net     Transport
	self    primitives.NodeID
	dropped *nbv1.Dropped

	links       *links
	book        *addrbook.Book
	standing    *standing
	conduct     *conduct
	rumours     *rumours
	identities  *identities
	timekeeper  *timekeeper
	dialer      *dialer
	admission   *admission
	subscribers *subscribers
	views       *views
	families    *families
	asked       *asked
	served      *served
	connects    *connectRequests
	exchange    *exchange
}

func newBridge(cfg Config, sub *subsystem.Sub) (*bridge, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	b := &bridge{cfg: cfg, sub: sub, net: cfg.Transport, self: cfg.Transport.Self(), dropped: &nbv1.Dropped{}}
	b.assembleNetwork()
	b.assembleNode()
	for _, p := range cfg.Protocols {
		if err := b.subscribers.add(p, cfg.Chains); err != nil {
			return nil, err
		}
	}
	return b, b.open()
}

// assembleNetwork makes the parts that have to do with nodes.
func (b *bridge) assembleNetwork() {
	b.links = &links{
		net: b.net, dropped: b.dropped, peers: map[primitives.NodeID]*peer{}, faults: map[primitives.NodeID]string{},
	}
	slots := peerslots.New(b.cfg.MaxPeers, b.links.heard)
	b.book = addrbook.New(b.self, b.sub.Rand())
	b.connects = &connectRequests{}
	b.standing = newStanding(&b.cfg, b.connects.wants)
	b.conduct = &conduct{sub: b.sub, ledger: reputation.New(), ban: b.ban}
	b.identities = &identities{
		sub: b.sub, links: b.links, standing: b.standing, watch: twins.New(), claims: map[primitives.NodeID]time.Time{},
	}
	b.timekeeper = &timekeeper{
		sub: b.sub, self: b.self, links: b.links, standing: b.standing, clocks: clocks.New(),
	}
	b.rumours = &rumours{sub: b.sub, net: b.net, book: b.book, standing: b.standing, untold: b.cfg.NoPeerExchange}
	b.dialer = &dialer{
		sub: b.sub, net: b.net, book: b.book, slots: slots, standing: b.standing, conduct: b.conduct,
		calls: map[primitives.NodeID]bool{},
	}
	b.admission = &admission{
		cfg: &b.cfg, sub: b.sub, links: b.links, slots: slots, book: b.book, dialer: b.dialer, standing: b.standing,
		conduct: b.conduct, rumours: b.rumours,
	}
	b.exchange = &exchange{
		sub: b.sub, links: b.links, standing: b.standing, conduct: b.conduct, rumours: b.rumours,
		off: b.cfg.NoPeerExchange,
	}
}

// assembleNode makes the parts that have to do with this node's subsystems.
func (b *bridge) assembleNode() {
	b.subscribers = &subscribers{sub: b.sub, dropped: b.dropped, named: map[topic]*protocol{}}
	b.views = &views{
		sub: b.sub, links: b.links, subscribers: b.subscribers, conduct: b.conduct, chains: map[string]*chainView{},
	}
	b.families = &families{
		ours: b.cfg.Families, subscribers: b.subscribers, standing: b.standing, views: b.views,
	}
	b.subscribers.state = b.families.state
	b.asked = &asked{
		sub: b.sub, dropped: b.dropped, links: b.links, subscribers: b.subscribers, conduct: b.conduct,
		open: map[requestKey]*question{},
	}
	b.served = &served{
		sub: b.sub, dropped: b.dropped, links: b.links, subscribers: b.subscribers, conduct: b.conduct,
		standing: b.standing, strangers: servedToThem.bucket(1), open: map[requestKey]*service{},
	}
}

// open starts the transport, lets every subsystem know that there is no peer, and begins to call.
func (b *bridge) open() error {
	in := &inbox{post: b.sub.Post, handle: b.onEvents}
	if err := b.net.Start(in.put); err != nil {
		return fmt.Errorf("the network can't be reached: %w", err)
	}
	b.rumours.reach = addrbook.NewReach(b.net.Addresses(), b.cfg.PrivateNetworks)
	if err := b.admission.prepare(); err != nil {
		return err
	}
	now := b.sub.Now()
	for _, a := range b.cfg.Peers {
		b.book.Keep(a.Node, a.At, now)
	}
	b.admission.setValidators(b.cfg.Validators)
	for _, p := range b.subscribers.listed {
		b.subscribers.reset(p)
	}
	b.dialer.call()
	b.exchange.begin()
	b.timekeeper.begin()
	return nil
}

// ban turns a peer away until its ban ends.
func (b *bridge) ban(id primitives.NodeID, until time.Time, reason string) {
	b.book.Postpone(id, until)
	b.links.turnAway(id, "banned: "+reason)
}

// isKnown keeps subsystems from filling the ledger with peers that never were here, and with the node itself.
func (b *bridge) isKnown(id primitives.NodeID) bool {
	return id != b.self && (b.links.get(id) != nil || b.book.Knows(id) || b.standing.validator(id))
}

// onReportPeer enters a subsystem's judgement.
func (b *bridge) onReportPeer(from string, r *nbv1.ReportPeer) {
	if id, ok := b.nodeID(r.GetPeer()); ok && b.isKnown(id) {
		b.conduct.judge(id, from, r.GetCostBenefit(), r.GetReason())
	}
}

func (b *bridge) onSetValidators(s *nbv1.SetValidators) {
	stake := make(map[primitives.NodeID]uint64, len(s.GetValidators()))
	for _, v := range s.GetValidators() {
		if id, ok := b.nodeID(v.GetNodeId()); ok && v.GetStake() > 0 {
			stake[id] = v.GetStake()
		}
	}
	b.admission.setValidators(stake)
	b.identities.setValidators()
	b.timekeeper.setValidators()
	b.dialer.call()
}

func (b *bridge) onConnectToValidators(m *subsystem.Message, r *nbv1.ConnectToValidators) {
	if n := len(r.GetValidators()); n > maxRequested {
		m.Fail(subsystem.Failf(subsystem.Refused, "%d validators at once, at most %d", n, maxRequested))
		return
	}
	var ids []primitives.NodeID
	for _, raw := range r.GetValidators() {
		if id, ok := b.nodeID(raw); ok && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	b.connects.add(m, ids, b.links.get)
	b.dialer.call()
}

// onSend sends one payload to many peers. The frame is made once.
func (b *bridge) onSend(chain string, peers [][]byte, name string, payload []byte) {
	proto := b.subscribers.find(name, chain)
	if proto == nil {
		b.sub.Log.Error("a subsystem sends on a protocol that isn't declared", "protocol", name)
		return
	}
	if len(payload) > proto.MaxPayload {
		b.dropped.Oversize++
		b.sub.Log.Error("a message is larger than its protocol allows",
			"protocol", name, "bytes", len(payload), "most", proto.MaxPayload)
		return
	}
	frame := encode(&nbv1.Frame{Kind: &nbv1.Frame_Message{Message: &nbv1.WireMessage{
		Protocol: name, Chain: proto.chain, Payload: payload,
	}}})
	for _, raw := range peers {
		if id, ok := b.nodeID(raw); ok {
			if p := b.links.get(id); p != nil && p.in(proto.Family) {
				b.links.send(p, proto.Lane, frame)
			}
		}
	}
}

func (b *bridge) onSendRequest(m *subsystem.Message, r *nbv1.SendRequest) {
	id, ok := b.nodeID(r.GetPeer())
	if !ok {
		m.Reply(unsent("there can't be such a peer"))
		return
	}
	b.asked.ask(m, r, id)
}

func (b *bridge) onSendResponse(r *nbv1.SendResponse) {
	if id, ok := b.nodeID(r.GetPeer()); ok {
		b.served.respond(id, r)
	}
}

// nodeID reads an id that a subsystem uses. A wrong one is a subsystem's fault, so it is logged.
func (b *bridge) nodeID(raw []byte) (primitives.NodeID, bool) {
	id, err := primitives.NodeIDFrom(raw)
	if err != nil {
		b.sub.Log.Error("a subsystem named a peer that can't be", "err", err)
	}
	return id, err == nil
}
