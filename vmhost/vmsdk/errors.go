package vmsdk

import (
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	pb "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/database"
)

var (
	// ErrNothingToBuild is BuildBlock's normal answer when there is nothing to do.
	ErrNothingToBuild = errors.New("nothing to build")
	// ErrNotFound says that nothing is known under an id, a height or a key. It is the database's, so that a VM can
	// pass it on.
	ErrNotFound = database.ErrNotFound
	// ErrPruned says that a block is known, and the state after it isn't kept any more: a parachain runtime's answer.
	ErrPruned = errors.New("the state after the block is no longer kept")
)

// InvalidError is the verdict that a block isn't valid, on every node and for ever. A plain error from ParseBlock or
// Verify is the same.
type InvalidError struct{ Reason string }

func (e *InvalidError) Error() string { return "invalid block: " + e.Reason }

// Invalidf makes an InvalidError.
func Invalidf(format string, args ...any) error {
	return &InvalidError{Reason: fmt.Sprintf(format, args...)}
}

// InvalidGossipError is AppGossip's verdict that no honest node sends such a thing, whatever it knows: the node that
// sent it is reported, and pays with its reputation until it is cut off. What may be an honest node's, a transaction
// that came too late for instance, is no reason for it.
type InvalidGossipError struct{ Reason string }

func (e *InvalidGossipError) Error() string { return "invalid gossip: " + e.Reason }

// InvalidGossipf makes an InvalidGossipError.
func InvalidGossipf(format string, args ...any) error {
	return &InvalidGossipError{Reason: fmt.Sprintf(format, args...)}
}

// MissingParentError says that a block can't be judged before its parent.
type MissingParentError struct{ Parent ID }

func (e *MissingParentError) Error() string { return "parent " + e.Parent.Short() + " isn't verified" }

// BusyError says that the VM can't do it now: it is to be asked again, not before RetryAfter.
type BusyError struct {
	RetryAfter time.Duration
	// Reason is for people; may be empty.
	Reason string
}

func (e *BusyError) Error() string {
	if e.Reason == "" {
		return fmt.Sprintf("busy, retry after %v", e.RetryAfter)
	}
	return fmt.Sprintf("%s; retry after %v", e.Reason, e.RetryAfter)
}

// CorruptError says that the VM's state contradicts itself. It stops the chain.
type CorruptError struct{ Reason string }

func (e *CorruptError) Error() string { return "corrupt: " + e.Reason }

// Corruptf makes a CorruptError.
func Corruptf(format string, args ...any) error {
	return &CorruptError{Reason: fmt.Sprintf(format, args...)}
}

// InternalError says that something went wrong that says nothing about what was asked: it is asked again later.
type InternalError struct{ Reason string }

func (e *InternalError) Error() string { return e.Reason }

// UnimplementedError says that the VM lacks a capability.
type UnimplementedError struct{ What string }

func (e *UnimplementedError) Error() string { return e.What + " isn't implemented" }

// UnavailableError says that no VM is running at the moment. VMs don't return it; hosts do.
type UnavailableError struct {
	Cause string
	// RetryAfter is zero when only a person can help.
	RetryAfter time.Duration
}

func (e *UnavailableError) Error() string { return "no VM is running: " + e.Cause }

// ErrorToProto puts an error into the words of the protocol; nil for nil. What it doesn't know becomes internal.
func ErrorToProto(err error) *pb.Error {
	var (
		invalid       *InvalidError
		missing       *MissingParentError
		busy          *BusyError
		corrupt       *CorruptError
		unimplemented *UnimplementedError
		unavailable   *UnavailableError
	)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ErrNothingToBuild):
		return &pb.Error{Kind: &pb.Error_NothingToBuild{NothingToBuild: &pb.NothingToBuild{}}}
	case errors.As(err, &invalid):
		return &pb.Error{Kind: &pb.Error_InvalidBlock{InvalidBlock: &pb.InvalidBlock{Reason: invalid.Reason}}}
	case errors.As(err, &missing):
		return &pb.Error{Kind: &pb.Error_MissingParent{MissingParent: &pb.MissingParent{ParentId: missing.Parent[:]}}}
	case errors.As(err, &busy):
		return &pb.Error{Kind: &pb.Error_Busy{Busy: &pb.Busy{RetryAfter: durationpb.New(busy.RetryAfter)}}}
	case errors.As(err, &corrupt):
		return &pb.Error{Kind: &pb.Error_Corrupt{Corrupt: &pb.Corrupt{Reason: corrupt.Reason}}}
	case errors.As(err, &unimplemented):
		return &pb.Error{Kind: &pb.Error_Unimplemented{Unimplemented: &pb.Unimplemented{What: unimplemented.What}}}
	case errors.As(err, &unavailable):
		return unavailableToProto(unavailable)
	case errors.Is(err, ErrPruned):
		return &pb.Error{Kind: &pb.Error_Pruned{Pruned: &pb.Pruned{}}}
	case errors.Is(err, ErrNotFound):
		return &pb.Error{Kind: &pb.Error_NotFound{NotFound: &pb.NotFound{}}}
	}
	return &pb.Error{Kind: &pb.Error_Internal{Internal: &pb.Internal{Reason: err.Error()}}}
}

func unavailableToProto(e *UnavailableError) *pb.Error {
	u := &pb.Unavailable{Cause: e.Cause}
	if e.RetryAfter > 0 {
		u.RetryAfter = durationpb.New(e.RetryAfter)
	}
	return &pb.Error{Kind: &pb.Error_Unavailable{Unavailable: u}}
}

// ErrorFromProto is the error that the protocol's words stand for; nil for nil.
func ErrorFromProto(e *pb.Error) error {
	switch k := e.GetKind().(type) {
	case nil:
		if e == nil {
			return nil
		}
		return errors.New("an error of a kind this version doesn't know")
	case *pb.Error_NotFound:
		return ErrNotFound
	case *pb.Error_NothingToBuild:
		return ErrNothingToBuild
	case *pb.Error_InvalidBlock:
		return &InvalidError{Reason: k.InvalidBlock.GetReason()}
	case *pb.Error_MissingParent:
		parent := idOf(k.MissingParent.GetParentId())
		return &MissingParentError{Parent: parent}
	case *pb.Error_Busy:
		return &BusyError{RetryAfter: k.Busy.GetRetryAfter().AsDuration()}
	case *pb.Error_Corrupt:
		return &CorruptError{Reason: k.Corrupt.GetReason()}
	case *pb.Error_Unimplemented:
		return &UnimplementedError{What: k.Unimplemented.GetWhat()}
	case *pb.Error_Unavailable:
		return &UnavailableError{Cause: k.Unavailable.GetCause(),
			RetryAfter: k.Unavailable.GetRetryAfter().AsDuration()}
	case *pb.Error_Pruned:
		return ErrPruned
	case *pb.Error_Internal:
		return &InternalError{Reason: k.Internal.GetReason()}
	}
	return errors.New("an error of a kind this version doesn't know")
}
