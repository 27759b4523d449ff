package vmsdk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "github.com/reevenet/reeve/proto/reeve/vm/plugin/v1"
	"github.com/reevenet/reeve/vmhost/database"
)

// fails is a connection whose calls all fail.
type fails struct{ err error }

func (f fails) Invoke(context.Context, string, any, any, ...grpc.CallOption) error { return f.err }

func (f fails) NewStream(context.Context, *grpc.StreamDesc, string, ...grpc.CallOption) (grpc.ClientStream, error) {
	return failing{err: f.err}, nil
}

// failing is a stream that ends at its first part.
type failing struct {
	grpc.ClientStream
	err error
}

func (f failing) RecvMsg(any) error { return f.err }

func TestAPlainErrorIsAVerdictAndTheSDKsOwnMeanWhatTheySay(t *testing.T) {
	ended, end := context.WithCancel(context.Background())
	end()
	gone := status.Error(codes.Unavailable, "the host is gone")
	for what, c := range map[string]struct {
		ctx  context.Context
		err  error
		want string
	}{
		"nothing":                     {err: nil, want: "<nil>"},
		"a plain error":               {err: errors.New("no such account"), want: "invalid"},
		"a key that isn't there":      {err: fmt.Errorf("account: %w", database.ErrNotFound), want: "invalid"},
		"a word for another occasion": {err: ErrNothingToBuild, want: "invalid"},
		"invalid":                     {err: fmt.Errorf("tx 3: %w", Invalidf("nonce")), want: "invalid"},
		"busy":                        {err: fmt.Errorf("tx 3: %w", &BusyError{}), want: "busy"},
		"corrupt":                     {err: Corruptf("no root"), want: "corrupt"},
		"a missing parent":            {err: &MissingParentError{}, want: "missing parent"},
		"internal":                    {err: fmt.Errorf("tx 3: %w", &InternalError{Reason: "?"}), want: "internal"},
		"of the host":                 {err: fmt.Errorf("database: %w", gone), want: "internal"},
		"of a closed database":        {err: fmt.Errorf("read: %w", database.ErrClosed), want: "internal"},
		"of a deadline of its own":    {err: fmt.Errorf("oracle: %w", context.DeadlineExceeded), want: "internal"},
		"after the call's end":        {ctx: ended, err: errors.New("stopped"), want: "internal"},
	} {
		s := &Server{host: &host{reads: &reads{now: time.Now}}}
		if c.ctx == nil {
			c.ctx = context.Background()
		}
		if got := kindOf(s.heed(c.ctx, func() error { return c.err }, isInvalid)); got != c.want {
			t.Errorf("%s: %s, want %s", what, got, c.want)
		}
		if c.want == "invalid" && what != "invalid" {
			c.want = "corrupt"
		}
		if got := kindOf(s.heed(c.ctx, func() error { return c.err }, isFatal)); got != c.want {
			t.Errorf("%s, from Accept: %s, want %s", what, got, c.want)
		}
	}
}

func kindOf(err error) string {
	switch ErrorToProto(err).GetKind().(type) {
	case nil:
		return "<nil>"
	case *pb.Error_InvalidBlock:
		return "invalid"
	case *pb.Error_Busy:
		return "busy"
	case *pb.Error_Corrupt:
		return "corrupt"
	case *pb.Error_MissingParent:
		return "missing parent"
	case *pb.Error_Internal:
		return "internal"
	}
	return fmt.Sprint(err)
}

// An author who doesn't wrap the database's error condemns no block with it.
func TestNoBlockIsJudgedByADatabaseThatFailed(t *testing.T) {
	r := &reads{now: time.Now, ClientConnInterface: fails{status.Error(codes.Internal, "the disk is broken")}}
	s := &Server{host: &host{reads: r}}
	for what, look := range map[string]func(context.Context){
		"a call":   func(ctx context.Context) { _ = r.Invoke(ctx, "Get", nil, nil) },
		"a stream": func(ctx context.Context) { stream, _ := r.NewStream(ctx, nil, "Range"); _ = stream.RecvMsg(nil) },
	} {
		ctx := context.Background()
		err := s.heed(ctx, func() error {
			look(ctx)
			return errors.New("no such account")
		}, isInvalid)
		if kindOf(err) != "internal" {
			t.Errorf("%s that failed: %v", what, err)
		}
		err = s.heed(ctx, func() error { return errors.New("no such account") }, isInvalid)
		if kindOf(err) != "invalid" {
			t.Errorf("after it: %v", err)
		}
	}
	r.ClientConnInterface = fails{io.EOF}
	err := s.heed(context.Background(), func() error {
		stream, _ := r.NewStream(context.Background(), nil, "Range")
		_ = stream.RecvMsg(nil)
		return errors.New("no such account")
	}, isInvalid)
	if kindOf(err) != "invalid" {
		t.Errorf("the end of a range is a failure: %v", err)
	}
}
