package vmhost

import (
	"context"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// overdue is how long after its deadline an app request is given up here, if the engine hasn't ended it by then.
const (
	overdue        = 2 * time.Second
	defaultAppWait = 30 * time.Second
)

// servicesFor are the host's services for one generation.
func (h *handler) servicesFor(g *generation) *services {
	return &services{
		record: h.record, outcomes: g.outcomes, wire: h.wire.next,
		asked: func(nodes []primitives.NodeID, wire uint32, r *pluginv1.SendAppRequestRequest) {
			h.sub.Post(func() { h.askPeers(g, nodes, wire, r) })
		},
		send:   func(msg proto.Message) { h.sub.Post(func() { h.sub.Send(msg) }) },
		notify: func(e pluginv1.Event) { h.sub.Post(func() { h.notified(g, e) }) },
	}
}

// askPeers sends a registered request, and sees to it that it ends.
func (h *handler) askPeers(g *generation, nodes []primitives.NodeID, wire uint32, r *pluginv1.SendAppRequestRequest) {
	wait := defaultAppWait
	if r.GetDeadline().IsValid() {
		wait = max(r.GetDeadline().AsTime().Sub(h.sub.Now()), 0)
	}
	msg := &enginev1.SendAppRequest{NodeIds: r.GetNodeIds(), RequestId: wire, Request: r.GetRequest()}
	if r.GetDeadline().IsValid() {
		msg.DeadlineMs = uint32(min(wait.Milliseconds()+1, int64(time.Hour/time.Millisecond)))
	}
	h.sub.Send(msg)
	h.sub.After(wait+overdue, func() {
		for _, node := range nodes {
			h.failRequest(g, node, wire, &pluginv1.AppError{Code: int32(pluginv1.AppErrorCode_APP_ERROR_CODE_TIMED_OUT), Message: "timed out"})
		}
	})
}

// deliver hands one thing of a peer to the plugin. A plugin that doesn't take it in time is replaced: whether it has seen an outcome
// must never be in doubt.
func (h *handler) deliver(g *generation, what string, alone bool, call func(ctx context.Context) error) bool {
	limit := h.cfg.Limits.AppCall
	return h.apps.add(task{alone: alone, run: func(done func()) {
		if h.gen != g {
			done()
			return
		}
		subsystem.Offload(h.sub, func() (struct{}, error) {
			ctx, cancel := context.WithTimeout(context.Background(), limit)
			defer cancel()
			return struct{}{}, call(ctx)
		}, func(_ struct{}, err error) {
			if err != nil {
				h.replace(g, what+" failed: "+status.Convert(err).Message(), status.Code(err) == codes.DeadlineExceeded)
			}
			done()
		})
	}})
}

// onConnected is remembered for later plugins too. Nothing of a peer overtakes it.
func (h *handler) onConnected(r *pluginv1.ConnectedRequest) {
	node, err := primitives.NodeIDFrom(r.GetNodeId())
	if err != nil {
		return
	}
	h.peers[node] = r.GetVersion()
	if g := h.gen; g != nil {
		h.tellConnected(g, peer{node, r.GetVersion()})
	}
}

func (h *handler) tellConnected(g *generation, p peer) {
	h.deliver(g, "Connected", true, func(ctx context.Context) error {
		_, err := g.vm.Connected(ctx, &pluginv1.ConnectedRequest{NodeId: p.node[:], Version: p.version})
		return err
	})
}

func (h *handler) onDisconnected(r *pluginv1.DisconnectedRequest) {
	node, err := primitives.NodeIDFrom(r.GetNodeId())
	if err != nil {
		return
	}
	delete(h.peers, node)
	if g := h.gen; g != nil {
		h.tellDisconnected(g, node)
	}
}

func (h *handler) tellDisconnected(g *generation, node primitives.NodeID) {
	h.deliver(g, "Disconnected", true, func(ctx context.Context) error {
		_, err := g.vm.Disconnected(ctx, &pluginv1.DisconnectedRequest{NodeId: node[:]})
		return err
	})
}

// onAppRequest passes a peer's question on. When nobody can answer it the peer learns that at once.
func (h *handler) onAppRequest(r *pluginv1.AppRequestRequest) {
	node, err := primitives.NodeIDFrom(r.GetNodeId())
	if err != nil {
		return
	}
	g := h.gen
	if g == nil || !g.outcomes.owe(node, r.GetRequestId()) {
		h.sub.Send(&enginev1.SendAppError{NodeId: r.GetNodeId(), RequestId: r.GetRequestId(), Message: "the VM can't be asked now"})
		return
	}
	taken := h.deliver(g, "AppRequest", false, func(ctx context.Context) error {
		_, err := g.vm.AppRequest(ctx, r)
		return err
	})
	if !taken && g.outcomes.settle(node, r.GetRequestId()) {
		h.sub.Send(&enginev1.SendAppError{NodeId: r.GetNodeId(), RequestId: r.GetRequestId(), Message: "too many messages wait for the VM"})
		return
	}
	if r.GetDeadline().IsValid() {
		h.sub.After(max(r.GetDeadline().AsTime().Sub(h.sub.Now()), 0)+overdue, func() { g.outcomes.settle(node, r.GetRequestId()) })
	}
}

// onAppResponse ends one of the VM's requests, if it hasn't ended before.
func (h *handler) onAppResponse(r *pluginv1.AppResponseRequest) {
	node, err := primitives.NodeIDFrom(r.GetNodeId())
	g := h.gen
	if err != nil || g == nil {
		return
	}
	id, open := g.outcomes.take(node, r.GetRequestId())
	if !open {
		return
	}
	h.outcome(g, "AppResponse", func(ctx context.Context) error {
		_, err := g.vm.AppResponse(ctx, &pluginv1.AppResponseRequest{NodeId: node[:], RequestId: id, Response: r.GetResponse()})
		return err
	})
}

func (h *handler) onAppRequestFailed(r *pluginv1.AppRequestFailedRequest) {
	node, err := primitives.NodeIDFrom(r.GetNodeId())
	if g := h.gen; err == nil && g != nil {
		h.failRequest(g, node, r.GetRequestId(), r.GetError())
	}
}

func (h *handler) failRequest(g *generation, node primitives.NodeID, wire uint32, e *pluginv1.AppError) {
	id, open := g.outcomes.take(node, wire)
	if !open || h.gen != g {
		return
	}
	h.outcome(g, "AppRequestFailed", func(ctx context.Context) error {
		_, err := g.vm.AppRequestFailed(ctx, &pluginv1.AppRequestFailedRequest{NodeId: node[:], RequestId: id, Error: e})
		return err
	})
}

// outcome delivers what the VM was promised. It can't be dropped: a plugin that is so far behind is replaced.
func (h *handler) outcome(g *generation, what string, call func(ctx context.Context) error) {
	if !h.deliver(g, what, false, call) {
		h.replace(g, "the plugin doesn't keep up with its app messages", true)
	}
}

// onAppGossip may be dropped: the newest first, when the VM doesn't keep up.
func (h *handler) onAppGossip(r *pluginv1.AppGossipRequest) {
	if g := h.gen; g != nil {
		h.deliver(g, "AppGossip", false, func(ctx context.Context) error {
			_, err := g.vm.AppGossip(ctx, r)
			return err
		})
	}
}
