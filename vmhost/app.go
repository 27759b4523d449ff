package vmhost

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/reevenet/reeve/internal/bus/intercept"
	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/internal/core/requests"
	"github.com/reevenet/reeve/overseer/subsystem"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// mostAppWait is how long an answer is waited for at most, whatever a VM asks for.
const mostAppWait = 30 * time.Second

// apps passes what peers' VMs say to the plugin, and what the plugin says to them. Nothing of a peer overtakes its
// coming and going, and every outcome that a plugin was promised reaches it, or the plugin is replaced.
type apps struct {
	sub  *subsystem.Sub
	life *life
	lane lane

	// peers are those that are connected, with the versions of their software.
	peers map[primitives.NodeID]string
	// number is the last one given to a request; it goes on over generations.
	number atomic.Uint32
	// timer cancels the next look for requests that weren't answered in time.
	timer func()
}

func newApps(sub *subsystem.Sub, l *life) *apps {
	a := &apps{sub: sub, life: l, lane: lane{limit: 3, bound: l.limits.AppQueue},
		peers: make(map[primitives.NodeID]string)}
	a.number.Store(sub.Rand().Uint32())
	return a
}

func (a *apps) handle(m *subsystem.Message) bool {
	switch body := m.Body.(type) {
	case *pluginv1.AppRequestRequest:
		a.onAppRequest(body)
	case *pluginv1.AppResponseRequest:
		a.onAppResponse(body)
	case *pluginv1.AppRequestFailedRequest:
		a.onAppRequestFailed(body)
	case *pluginv1.AppGossipRequest:
		a.onAppGossip(body)
	case *pluginv1.ConnectedRequest:
		a.onConnected(body)
	case *pluginv1.DisconnectedRequest:
		a.onDisconnected(body)
	default:
		return false
	}
	return true
}

// deliver passes one thing of a peer on. A plugin that doesn't take it in time is replaced: whether it has seen an
// outcome must never be in doubt.
func (a *apps) deliver(g *generation, what string, alone bool, call func(ctx context.Context) error) bool {
	return a.lane.add(task{alone: alone, run: a.call(g, what, call)})
}

// offer passes on what a peer says of its own accord. False: too much of that waits already.
func (a *apps) offer(from primitives.NodeID, bytes int, call func(done func())) bool {
	// An empty message takes room, too.
	return a.lane.add(task{of: &peersTask{from, bytes + messageRoom}, run: call})
}

// messageRoom is what a message takes beside its own bytes.
const messageRoom = 512

// call makes the task of one call to the plugin.
func (a *apps) call(g *generation, what string, call func(ctx context.Context) error) func(done func()) {
	trace := a.sub.Traceparent()
	return func(done func()) {
		if a.life.gen != g {
			done()
			return
		}
		subsystem.Offload(a.sub, func() (struct{}, error) {
			ctx, cancel := context.WithTimeout(intercept.Continue(context.Background(), trace), a.life.limits.AppCall)
			defer cancel()
			return struct{}{}, call(ctx)
		}, func(_ struct{}, err error) {
			if err != nil {
				a.life.failed(g, what, err)
			}
			done()
		})
	}
}

// ask sends a request that is in the table of outcomes.
func (a *apps) ask(g *generation, r *enginev1.SendAppRequest) {
	a.sub.Send(r)
	a.arm(g)
}

// onConnected is remembered for later plugins too.
func (a *apps) onConnected(r *pluginv1.ConnectedRequest) {
	node, err := primitives.NodeIDFrom(r.GetNodeId())
	if err != nil {
		return
	}
	a.peers[node] = r.GetVersion()
	if g := a.life.gen; g != nil {
		a.connected(g, peer{node, r.GetVersion()})
	}
}

func (a *apps) connected(g *generation, p peer) {
	a.deliver(g, "Connected", true, func(ctx context.Context) error {
		_, err := g.vm.Connected(ctx, &pluginv1.ConnectedRequest{NodeId: p.node[:], Version: p.version})
		return err
	})
}

// onDisconnected also ends what is open with the peer.
func (a *apps) onDisconnected(r *pluginv1.DisconnectedRequest) {
	node, err := primitives.NodeIDFrom(r.GetNodeId())
	if err != nil {
		return
	}
	delete(a.peers, node)
	if g := a.life.gen; g != nil {
		a.fail(g, g.outcomes.disconnect(node), requests.Disconnected)
		a.disconnected(g, node)
	}
}

func (a *apps) disconnected(g *generation, node primitives.NodeID) {
	a.deliver(g, "Disconnected", true, func(ctx context.Context) error {
		_, err := g.vm.Disconnected(ctx, &pluginv1.DisconnectedRequest{NodeId: node[:]})
		return err
	})
}

// known lists the peers in the order of their ids.
func (a *apps) known() []peer {
	var peers []peer
	for _, node := range slices.SortedFunc(maps.Keys(a.peers), primitives.NodeID.Compare) {
		peers = append(peers, peer{node, a.peers[node]})
	}
	return peers
}

// up lets a plugin catch up with what has changed while it was starting, and have what waits.
func (a *apps) up(g *generation) {
	for _, p := range a.known() {
		if _, met := g.met[p.node]; !met {
			a.connected(g, p)
		}
		delete(g.met, p.node)
	}
	for _, node := range slices.SortedFunc(maps.Keys(g.met), primitives.NodeID.Compare) {
		a.disconnected(g, node)
	}
	a.arm(g)
	a.lane.pump()
}

// onAppRequest passes a peer's question on. When nobody can answer it the peer learns that at once.
func (a *apps) onAppRequest(r *pluginv1.AppRequestRequest) {
	node, err := primitives.NodeIDFrom(r.GetNodeId())
	if err != nil {
		return
	}
	wait := mostAppWait
	if r.GetDeadline().IsValid() {
		wait = min(wait, r.GetDeadline().AsTime().Sub(a.sub.Now()))
	}
	if wait <= 0 {
		return // the peer has given it up
	}
	g := a.life.gen
	if g == nil {
		a.refuse(r, "the VM can't be asked now")
		return
	}
	switch err := g.outcomes.owe(node, r.GetRequestId(), a.sub.Now(), wait); {
	case errors.Is(err, requests.ErrOutstanding):
		return // the peer's mistake; the request that is open under this number keeps its answer
	case err != nil:
		a.refuse(r, "too many requests wait for the VM")
		return
	}
	taken := a.offer(node, len(r.GetRequest()), a.call(g, "AppRequest", func(ctx context.Context) error {
		_, err := g.vm.AppRequest(ctx, r)
		return err
	}))
	if !taken && g.outcomes.settle(node, r.GetRequestId(), a.sub.Now()) {
		a.refuse(r, "too many messages wait for the VM")
	}
}

func (a *apps) refuse(r *pluginv1.AppRequestRequest, why string) {
	a.sub.Send(&enginev1.SendAppError{NodeId: r.GetNodeId(), RequestId: r.GetRequestId(), Message: why})
}

// onAppResponse ends one of the VM's requests, if it hasn't ended before.
func (a *apps) onAppResponse(r *pluginv1.AppResponseRequest) {
	node, err := primitives.NodeIDFrom(r.GetNodeId())
	g := a.life.gen
	if err != nil || g == nil {
		return
	}
	own, open := g.outcomes.answered(node, r.GetRequestId(), a.sub.Now())
	if !open {
		return
	}
	a.outcome(g, "AppResponse", func(ctx context.Context) error {
		_, err := g.vm.AppResponse(ctx,
			&pluginv1.AppResponseRequest{NodeId: node[:], RequestId: own.RequestID, Response: r.GetResponse()})
		return err
	})
}

func (a *apps) onAppRequestFailed(r *pluginv1.AppRequestFailedRequest) {
	node, err := primitives.NodeIDFrom(r.GetNodeId())
	g := a.life.gen
	if err != nil || g == nil {
		return
	}
	if own, open := g.outcomes.failed(node, r.GetRequestId()); open {
		a.failOne(g, own, r.GetError())
	}
}

// fail gives requests that were taken out of the table their outcome.
func (a *apps) fail(g *generation, ended []requests.Request, reason requests.Reason) {
	why := requests.AppErrorFor(reason)
	for _, own := range ended {
		a.failOne(g, own, &pluginv1.AppError{Code: why.Code, Message: why.Message})
	}
}

func (a *apps) failOne(g *generation, own requests.Request, why *pluginv1.AppError) {
	a.outcome(g, "AppRequestFailed", func(ctx context.Context) error {
		_, err := g.vm.AppRequestFailed(ctx,
			&pluginv1.AppRequestFailedRequest{NodeId: own.NodeID[:], RequestId: own.RequestID, Error: why})
		return err
	})
}

// outcome delivers what the VM was promised. It can't be dropped: a plugin that is so far behind is replaced.
func (a *apps) outcome(g *generation, what string, call func(ctx context.Context) error) {
	if !a.deliver(g, what, false, call) {
		a.life.replace(g, "the plugin doesn't keep up with its app messages", true)
	}
}

// onAppGossip may be dropped: the newest first, when the VM doesn't keep up.
func (a *apps) onAppGossip(r *pluginv1.AppGossipRequest) {
	node, err := primitives.NodeIDFrom(r.GetNodeId())
	if g := a.life.gen; g != nil && err == nil {
		a.offer(node, len(r.GetGossip()), a.gossip(g, r))
	}
}

// gossip shows the plugin a peer's gossip. What it finds invalid is the engine's to hold against the peer; a verdict
// for which the engine has no room is lost, for who sends such things sends more of them.
func (a *apps) gossip(g *generation, r *pluginv1.AppGossipRequest) func(done func()) {
	var answer *pluginv1.AppGossipResponse
	ask := a.call(g, "AppGossip", func(ctx context.Context) (err error) {
		answer, err = g.vm.AppGossip(ctx, r)
		return err
	})
	return func(done func()) {
		ask(func() {
			if why := answer.GetInvalid(); why != "" {
				_ = a.sub.TrySend(&enginev1.InvalidAppGossip{NodeId: r.GetNodeId(), Reason: clip(why, mostReason)})
			}
			done()
		})
	}
}

// mostReason bounds what a plugin says of a peer, in bytes.
const mostReason = 256

// arm sets the timer for the VM's requests that aren't answered in time.
func (a *apps) arm(g *generation) {
	if a.timer != nil {
		a.timer()
		a.timer = nil
	}
	next, ok := g.outcomes.next()
	if !ok || a.life.gen != g {
		return
	}
	a.timer = a.sub.After(max(next.Sub(a.sub.Now()), time.Millisecond), func() {
		a.timer = nil
		if a.life.gen == g {
			a.fail(g, g.outcomes.expire(a.sub.Now()), requests.TimedOut)
			a.arm(g)
		}
	})
}

// release ends what is open with a plugin that is gone: peers learn that their requests won't be answered.
func (a *apps) release(g *generation) {
	for _, k := range g.outcomes.close() {
		a.sub.Send(&enginev1.SendAppError{NodeId: k.Node[:], RequestId: k.ID, Message: "the VM was started again"})
	}
}

// stop ends the VM's requests: the chain stops.
func (a *apps) stop() {
	if g := a.life.gen; g != nil {
		a.fail(g, g.outcomes.cancel(), requests.Cancelled)
	}
}
