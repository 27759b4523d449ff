package vmhost

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/reevenet/reeve/overseer/subsystem"
	pluginv1 "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	vmv1 "github.com/reevenet/reeve/proto/reeve/vm/v1"
	"github.com/reevenet/reeve/vmhost/database"
)

func refuse(m *subsystem.Message, e *pluginv1.Error) { m.Reply(refusal(m.Body, e)) }

// refusal is the answer to a request with nothing but an error in it.
func refusal(request proto.Message, e *pluginv1.Error) proto.Message {
	switch request.(type) {
	case *pluginv1.SetStateRequest:
		return &pluginv1.SetStateResponse{Error: e}
	case *pluginv1.BuildBlockRequest:
		return &pluginv1.BuildBlockResponse{Error: e}
	case *pluginv1.ParseBlockRequest:
		return &pluginv1.ParseBlockResponse{Error: e}
	case *pluginv1.VerifyBlockRequest:
		return &pluginv1.VerifyBlockResponse{Error: e}
	case *vmv1.AcceptBlock:
		return &vmv1.AcceptBlockResponse{Error: e}
	case *pluginv1.RejectBlockRequest:
		return &pluginv1.RejectBlockResponse{Error: e}
	case *pluginv1.SetPreferenceRequest:
		return &pluginv1.SetPreferenceResponse{Error: e}
	case *vmv1.LastAccepted:
		return &vmv1.LastAcceptedResponse{Error: e}
	case *vmv1.GetBlock:
		return &vmv1.GetBlockResponse{Error: e}
	case *vmv1.GetConsensusBlock:
		return &vmv1.GetConsensusBlockResponse{Error: e}
	case *vmv1.GetBlockIDAtHeight:
		return &vmv1.GetBlockIDAtHeightResponse{Error: e}
	case *vmv1.GetAncestors:
		return &vmv1.GetAncestorsResponse{Error: e}
	case *vmv1.KeepBlock:
		return &vmv1.KeepBlockResponse{Error: e}
	case *vmv1.GetKeptBlock:
		return &vmv1.GetKeptBlockResponse{Error: e}
	case *vmv1.Version:
		return &vmv1.VersionResponse{Error: e}
	}
	return optionalRefusal(request, e)
}

// optionalRefusal is refusal for what a VM needs a capability to answer.
func optionalRefusal(request proto.Message, e *pluginv1.Error) proto.Message {
	switch request.(type) {
	case *pluginv1.StateSyncEnabledRequest:
		return &pluginv1.StateSyncEnabledResponse{Error: e}
	case *pluginv1.GetOngoingSyncStateSummaryRequest:
		return &pluginv1.GetOngoingSyncStateSummaryResponse{Error: e}
	case *pluginv1.GetLastStateSummaryRequest:
		return &pluginv1.GetLastStateSummaryResponse{Error: e}
	case *pluginv1.ParseStateSummaryRequest:
		return &pluginv1.ParseStateSummaryResponse{Error: e}
	case *pluginv1.GetStateSummaryRequest:
		return &pluginv1.GetStateSummaryResponse{Error: e}
	case *pluginv1.AcceptStateSummaryRequest:
		return &pluginv1.AcceptStateSummaryResponse{Error: e}
	case *pluginv1.QueryRuntimeRequest:
		return &pluginv1.QueryRuntimeResponse{Error: e}
	case *pluginv1.CheckInherentRequest:
		return &pluginv1.CheckInherentResponse{Error: e}
	}
	panic(fmt.Sprintf("the answer to a %T has no error", request))
}

// faulty tells whether an error is a disk's that is waited for.
func faulty(err error) bool {
	var fault *database.FaultError
	return errors.As(err, &fault)
}

// nameOf is the call that a request is, for people.
func nameOf(request proto.Message) string {
	return strings.TrimSuffix(string(request.ProtoReflect().Descriptor().Name()), "Request")
}

func unavailable(cause string, retry time.Duration) *pluginv1.Error {
	u := &pluginv1.Unavailable{Cause: cause}
	if retry > 0 {
		u.RetryAfter = durationpb.New(retry)
	}
	return &pluginv1.Error{Kind: &pluginv1.Error_Unavailable{Unavailable: u}}
}

// ofTheVM is an error as a running VM can mean it: that none is running is for the host to say.
func ofTheVM(e *pluginv1.Error) *pluginv1.Error {
	if e.GetUnavailable() == nil {
		return e
	}
	return internal("%s", e.GetUnavailable().GetCause())
}

func busy() *pluginv1.Error {
	return &pluginv1.Error{Kind: &pluginv1.Error_Busy{Busy: &pluginv1.Busy{RetryAfter: durationpb.New(100 * time.Millisecond)}}}
}

func notFound() *pluginv1.Error {
	return &pluginv1.Error{Kind: &pluginv1.Error_NotFound{NotFound: &pluginv1.NotFound{}}}
}

func invalid(format string, args ...any) *pluginv1.Error {
	return &pluginv1.Error{Kind: &pluginv1.Error_InvalidBlock{InvalidBlock: &pluginv1.InvalidBlock{Reason: fmt.Sprintf(format, args...)}}}
}

func corrupt(format string, args ...any) *pluginv1.Error {
	return &pluginv1.Error{Kind: &pluginv1.Error_Corrupt{Corrupt: &pluginv1.Corrupt{Reason: fmt.Sprintf(format,
		args...)}}}
}

func missingParent(id []byte) *pluginv1.Error {
	return &pluginv1.Error{Kind: &pluginv1.Error_MissingParent{MissingParent: &pluginv1.MissingParent{ParentId: id}}}
}

// inWords is an error for people, without what gRPC writes around it.
func inWords(err error) string {
	var rpc interface {
		error
		GRPCStatus() *status.Status
	}
	if !errors.As(err, &rpc) {
		return err.Error()
	}
	words := rpc.GRPCStatus().Message()
	if rpc.GRPCStatus().Code() == codes.DeadlineExceeded {
		words = "it didn't answer in time"
	}
	return strings.Replace(err.Error(), rpc.Error(), words, 1)
}
