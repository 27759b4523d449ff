package vmsdk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/database"
)

// What an author's error means. One of this package's means what it says. Any other is the author's answer, unless it
// isn't the author's at all but what became of a call to the host, or of the time that there was: such a call is made
// again, and nobody is judged by it.

// heed makes a call of the VM and gives its error the meaning that it has; plain is what a plain one means.
func (s *Server) heed(ctx context.Context, call func() error, plain func(why string) error) error {
	failures := s.host.reads.failures.Load()
	err := call()
	switch {
	case err == nil || ours(err):
		return err
	case ctx.Err() != nil || hosts(err) || s.host.reads.failures.Load() != failures:
		return &InternalError{Reason: err.Error()}
	}
	return plain(err.Error())
}

// isInvalid is what a plain error about a block means.
func isInvalid(why string) error { return &InvalidError{Reason: why} }

// isFatal is what a plain error of Accept means.
func isFatal(why string) error { return &CorruptError{Reason: why} }

// ours tells whether an author has chosen one of the protocol's words for a block.
func ours(err error) bool {
	switch ErrorToProto(err).GetKind().(type) {
	case *pb.Error_InvalidBlock, *pb.Error_MissingParent, *pb.Error_Busy, *pb.Error_Corrupt, *pb.Error_Unimplemented,
		*pb.Error_Unavailable:
		return true
	}
	var internal *InternalError
	return errors.As(err, &internal)
}

// hosts tells whether an error comes from a call to the host, or from a call that was ended.
func hosts(err error) bool {
	var answer interface{ GRPCStatus() *status.Status }
	return errors.As(err, &answer) || errors.Is(err, database.ErrClosed) ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// reads is the connection over which the VM reads what the host keeps. It counts the calls that fail, for authors who
// pass an error on without wrapping it.
type reads struct {
	grpc.ClientConnInterface
	now      func() time.Time
	failures atomic.Uint64

	mu   sync.Mutex
	last error // the host's last failure that says that it can't read
	at   time.Time
}

// unwell is how long a read that failed counts against the node's health.
const unwell = time.Minute

// trouble says that reads have failed lately; nil: they haven't.
func (r *reads) trouble() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last == nil || r.now().Sub(r.at) > unwell {
		return nil
	}
	return fmt.Errorf("the host can't read the chain's database: %w; %v ago", r.last,
		r.now().Sub(r.at).Round(time.Second))
}

// failed takes an answer of the host that it can't read.
func (r *reads) failed(err error) {
	r.failures.Add(1)
	switch status.Code(err) {
	case codes.Canceled, codes.InvalidArgument, codes.FailedPrecondition, codes.ResourceExhausted:
		return // the caller's own doing
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last, r.at = err, r.now()
}

// Invoke makes a call.
func (r *reads) Invoke(ctx context.Context, method string, args, reply any, options ...grpc.CallOption) error {
	err := r.ClientConnInterface.Invoke(ctx, method, args, reply, options...)
	r.count(err)
	return err
}

// NewStream makes one with a streamed answer.
func (r *reads) NewStream(
	ctx context.Context, d *grpc.StreamDesc, method string, options ...grpc.CallOption,
) (grpc.ClientStream, error) {
	s, err := r.ClientConnInterface.NewStream(ctx, d, method, options...)
	r.count(err)
	return &readStream{ClientStream: s, reads: r}, err
}

func (r *reads) count(err error) {
	if err != nil && !errors.Is(err, io.EOF) {
		r.failed(err)
	}
}

type readStream struct {
	grpc.ClientStream
	reads *reads
}

// RecvMsg takes the next part of the answer.
func (s *readStream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	s.reads.count(err)
	return err
}
