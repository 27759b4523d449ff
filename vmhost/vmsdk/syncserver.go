package vmsdk

import (
	"context"

	primitivesv1 "github.com/reevenet/reeve/proto/reeve/primitives/v1"
	pb "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
)

// syncServer serves a VM's state sync.
type syncServer struct {
	pb.UnimplementedStateSyncServiceServer
	vm StateSyncer
}

func summaryToProto(s Summary, err error) (*pb.StateSummary, *pb.Error) {
	if err != nil {
		return nil, ErrorToProto(err)
	}
	return &pb.StateSummary{Id: s.ID[:], Height: s.Height, Content: s.Content}, nil
}

func (s *syncServer) StateSyncEnabled(
	ctx context.Context, _ *pb.StateSyncEnabledRequest,
) (*pb.StateSyncEnabledResponse, error) {
	enabled, err := s.vm.StateSyncEnabled(ctx)
	return &pb.StateSyncEnabledResponse{Enabled: enabled, Error: ErrorToProto(err)}, nil
}

func (s *syncServer) GetOngoingSyncStateSummary(
	ctx context.Context, _ *pb.GetOngoingSyncStateSummaryRequest,
) (*pb.GetOngoingSyncStateSummaryResponse, error) {
	summary, e := summaryToProto(s.vm.GetOngoingSyncStateSummary(ctx))
	return &pb.GetOngoingSyncStateSummaryResponse{Summary: summary, Error: e}, nil
}

func (s *syncServer) GetLastStateSummary(
	ctx context.Context, _ *pb.GetLastStateSummaryRequest,
) (*pb.GetLastStateSummaryResponse, error) {
	summary, e := summaryToProto(s.vm.GetLastStateSummary(ctx))
	return &pb.GetLastStateSummaryResponse{Summary: summary, Error: e}, nil
}

func (s *syncServer) ParseStateSummary(
	ctx context.Context, r *pb.ParseStateSummaryRequest,
) (*pb.ParseStateSummaryResponse, error) {
	parsed, err := s.vm.ParseStateSummary(ctx, r.GetContent())
	if err != nil && !ours(err) {
		err = isInvalid(err.Error())
	}
	summary, e := summaryToProto(parsed, err)
	return &pb.ParseStateSummaryResponse{Summary: summary, Error: e}, nil
}

func (s *syncServer) GetStateSummary(
	ctx context.Context, r *pb.GetStateSummaryRequest,
) (*pb.GetStateSummaryResponse, error) {
	summary, e := summaryToProto(s.vm.GetStateSummary(ctx, r.GetHeight()))
	return &pb.GetStateSummaryResponse{Summary: summary, Error: e}, nil
}

func (s *syncServer) AcceptStateSummary(
	ctx context.Context, r *pb.AcceptStateSummaryRequest,
) (*pb.AcceptStateSummaryResponse, error) {
	mode, err := s.vm.AcceptStateSummary(ctx, r.GetContent())
	return &pb.AcceptStateSummaryResponse{Mode: pb.StateSyncMode(mode), Error: ErrorToProto(err)}, nil
}

// runtimeServer serves a VM's parachain runtime.
type runtimeServer struct {
	pb.UnimplementedParachainRuntimeServiceServer
	vm ParachainRuntime
}

func (s *runtimeServer) QueryRuntime(ctx context.Context, r *pb.QueryRuntimeRequest) (*pb.QueryRuntimeResponse, error) {
	answer, err := s.vm.QueryRuntime(ctx, at(r), r.GetRequest())
	response := &pb.QueryRuntimeResponse{Response: answer.Response}
	for _, b := range answer.Blobs {
		if r.GetWithoutBlobs() {
			response.Named = append(response.Named, &primitivesv1.BlobRef{Hash: b.Hash[:], Size: b.Size})
			continue
		}
		bytes, failed := b.Load(ctx)
		if failed != nil {
			return &pb.QueryRuntimeResponse{Error: ErrorToProto(failed)}, nil
		}
		response.Blobs = append(response.Blobs, bytes)
	}
	response.Error = ErrorToProto(err)
	return response, nil
}

func (s *runtimeServer) CheckInherent(
	ctx context.Context, r *pb.CheckInherentRequest,
) (*pb.CheckInherentResponse, error) {
	usable, err := s.vm.CheckInherent(ctx, at(r), r.GetInherent())
	return &pb.CheckInherentResponse{Usable: usable, Error: ErrorToProto(err)}, nil
}

// at is the block that a question is about.
func at(r interface {
	GetBlockId() []byte
	GetConsensusId() []byte
}) RuntimeBlock {
	return RuntimeBlock{ID: idOf(r.GetBlockId()), Consensus: idOf(r.GetConsensusId())}
}
