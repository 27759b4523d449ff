package vmhost

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/core/primitives"
	"github.com/reevenet/reeve/overseer/subsystem"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/chainstore"
	"github.com/reevenet/reeve/vmhost/vmsdk"
)

// stages has the plugin follow the engine from one stage to the next, and asks it what state sync wants to know. Where
// a sync ends, the store moves to the block that the VM stands at.
type stages struct {
	queue   *queue
	life    *life
	store   *chainstore.Record
	notices *notices
	durable *durable
	// state is the stage that the VM was told last; a new plugin is told it too.
	state pluginv1.ChainState
}

func (s *stages) handle(m *subsystem.Message) bool {
	switch body := m.Body.(type) {
	case *pluginv1.SetStateRequest:
		s.onSetState(m, body)
	case *pluginv1.StateSyncEnabledRequest:
		s.onStateSyncEnabled(m, body)
	case *pluginv1.GetOngoingSyncStateSummaryRequest:
		askSync(s, m, body, pluginv1.StateSyncServiceClient.GetOngoingSyncStateSummary)
	case *pluginv1.GetLastStateSummaryRequest:
		askSync(s, m, body, pluginv1.StateSyncServiceClient.GetLastStateSummary)
	case *pluginv1.ParseStateSummaryRequest:
		askSync(s, m, body, pluginv1.StateSyncServiceClient.ParseStateSummary)
	case *pluginv1.GetStateSummaryRequest:
		askSync(s, m, body, pluginv1.StateSyncServiceClient.GetStateSummary)
	case *pluginv1.AcceptStateSummaryRequest:
		askSync(s, m, body, pluginv1.StateSyncServiceClient.AcceptStateSummary)
	default:
		return false
	}
	return true
}

func (s *stages) onSetState(m *subsystem.Message, r *pluginv1.SetStateRequest) {
	s.queue.add(m, &question[*pluginv1.SetStateResponse]{m: m,
		ask: func(ctx context.Context, g *generation) (*pluginv1.SetStateResponse, error) {
			a, err := g.vm.SetState(ctx, r)
			if err == nil && a.GetError() == nil {
				err = s.follow(ctx, a.GetLastAccepted())
			}
			return a, err
		}, reply: func(a *pluginv1.SetStateResponse) {
			if a.GetError() == nil {
				s.state = r.GetState()
				s.notices.acted(pluginv1.Event_EVENT_STATE_SYNC_DONE)
				last := s.store.Last()
				a.LastAccepted = &pluginv1.Block{Id: last.VMBlock[:], Height: last.Height}
			}
			m.Reply(a)
			s.durable.tell()
		}})
}

// follow moves the record to where a state sync has brought the VM. It runs off the loop.
func (s *stages) follow(ctx context.Context, b *pluginv1.Block) error {
	if b.GetHeight() <= s.store.Last().Height {
		return nil
	}
	id, err := primitives.HashFrom(b.GetId())
	if err != nil {
		return err
	}
	return s.store.Jump(ctx,
		&chainstore.Entry{BlockID: id, VMBlock: id, Height: b.GetHeight(), Content: b.GetContent()})
}

// askSync passes a state-sync question on, in turn with the block calls.
func askSync[Q, R proto.Message](s *stages, m *subsystem.Message, request Q,
	call method[pluginv1.StateSyncServiceClient, Q, R]) {
	if s.life.lacks(vmsdk.CapabilityStateSync) {
		refuse(m, unimplemented(vmsdk.CapabilityStateSync))
		return
	}
	s.queue.add(m, &question[R]{m: m,
		ask: func(ctx context.Context, g *generation) (R, error) { return call(g.sync, ctx, request) }})
}

// onStateSyncEnabled: a VM without the capability doesn't want to sync.
func (s *stages) onStateSyncEnabled(m *subsystem.Message, r *pluginv1.StateSyncEnabledRequest) {
	if s.life.lacks(vmsdk.CapabilityStateSync) {
		m.Reply(&pluginv1.StateSyncEnabledResponse{})
		return
	}
	askSync(s, m, r, pluginv1.StateSyncServiceClient.StateSyncEnabled)
}
