package vmsdk

import (
	"context"

	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// syncServer serves a VM's state sync.
type syncServer struct {
	pluginv1.UnimplementedStateSyncServiceServer
	vm StateSyncer
}

func summaryToProto(s Summary, err error) (*pluginv1.StateSummary, *pluginv1.Error) {
	if err != nil {
		return nil, ErrorToProto(err)
	}
	return &pluginv1.StateSummary{Id: s.ID[:], Height: s.Height, Content: s.Content}, nil
}

func (s *syncServer) StateSyncEnabled(ctx context.Context, _ *pluginv1.StateSyncEnabledRequest) (*pluginv1.StateSyncEnabledResponse, error) {
	enabled, err := s.vm.StateSyncEnabled(ctx)
	return &pluginv1.StateSyncEnabledResponse{Enabled: enabled, Error: ErrorToProto(err)}, nil
}

func (s *syncServer) GetOngoingSyncStateSummary(ctx context.Context, _ *pluginv1.GetOngoingSyncStateSummaryRequest) (*pluginv1.GetOngoingSyncStateSummaryResponse, error) {
	summary, e := summaryToProto(s.vm.GetOngoingSyncStateSummary(ctx))
	return &pluginv1.GetOngoingSyncStateSummaryResponse{Summary: summary, Error: e}, nil
}

func (s *syncServer) GetLastStateSummary(ctx context.Context, _ *pluginv1.GetLastStateSummaryRequest) (*pluginv1.GetLastStateSummaryResponse, error) {
	summary, e := summaryToProto(s.vm.GetLastStateSummary(ctx))
	return &pluginv1.GetLastStateSummaryResponse{Summary: summary, Error: e}, nil
}

func (s *syncServer) ParseStateSummary(ctx context.Context, r *pluginv1.ParseStateSummaryRequest) (*pluginv1.ParseStateSummaryResponse, error) {
	parsed, err := s.vm.ParseStateSummary(ctx, r.GetContent())
	if err != nil {
		err = parseError(err)
	}
	summary, e := summaryToProto(parsed, err)
	return &pluginv1.ParseStateSummaryResponse{Summary: summary, Error: e}, nil
}

func (s *syncServer) GetStateSummary(ctx context.Context, r *pluginv1.GetStateSummaryRequest) (*pluginv1.GetStateSummaryResponse, error) {
	summary, e := summaryToProto(s.vm.GetStateSummary(ctx, r.GetHeight()))
	return &pluginv1.GetStateSummaryResponse{Summary: summary, Error: e}, nil
}

func (s *syncServer) AcceptStateSummary(ctx context.Context, r *pluginv1.AcceptStateSummaryRequest) (*pluginv1.AcceptStateSummaryResponse, error) {
	mode, err := s.vm.AcceptStateSummary(ctx, r.GetContent())
	return &pluginv1.AcceptStateSummaryResponse{Mode: pluginv1.StateSyncMode(mode), Error: ErrorToProto(err)}, nil
}

// runtimeServer serves a VM's parachain runtime.
type runtimeServer struct {
	pluginv1.UnimplementedParachainRuntimeServiceServer
	vm ParachainRuntime
}

func (s *runtimeServer) QueryRuntime(ctx context.Context, r *pluginv1.QueryRuntimeRequest) (*pluginv1.QueryRuntimeResponse, error) {
	id, _ := idFrom(r.GetBlockId()) // what isn't an id is that of no block
	answer, err := s.vm.QueryRuntime(ctx, id, r.GetRequest())
	return &pluginv1.QueryRuntimeResponse{Response: answer, Error: ErrorToProto(err)}, nil
}

func (s *runtimeServer) CheckInherent(ctx context.Context, r *pluginv1.CheckInherentRequest) (*pluginv1.CheckInherentResponse, error) {
	id, _ := idFrom(r.GetBlockId()) // what isn't an id is that of no block
	usable, err := s.vm.CheckInherent(ctx, id, r.GetInherent())
	return &pluginv1.CheckInherentResponse{Usable: usable, Error: ErrorToProto(err)}, nil
}
