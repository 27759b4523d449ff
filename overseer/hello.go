package overseer

import (
	"errors"
	"slices"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/reevenet/reeve/internal/bus/carrier"
	"github.com/reevenet/reeve/internal/bus/decode"
	"github.com/reevenet/reeve/internal/bus/wire"
	overseerv1 "github.com/reevenet/reeve/proto/reeve/overseer/v1"
)

const (
	helloLimit   = 10 * time.Second // from opening a stream to having said hello on it
	maxStrangers = 32               // streams on which nobody has said hello yet
)

// helloBudget is what a process may make the overseer decode before it is admitted: a declaration's lists are the
// largest part.
var helloBudget = decode.Budget{Bytes: carrier.MaxHello, Elements: 4096, Depth: 3}

// meet hears who is at the other end of a stream. Whoever may open the socket may open streams; of those that then say
// nothing there are few, and none stays. The error is a status.
func (s *Server) meet(stream carrier.Stream) (*overseerv1.Hello, error) {
	place := s.strangers.enter()
	defer s.strangers.leave(place)
	type heard struct {
		hello *overseerv1.Hello
		err   error
	}
	said := make(chan heard, 1)
	go func() {
		h, err := readHello(stream)
		said <- heard{h, err}
	}()
	select {
	case got := <-said:
		if got.err != nil {
			return nil, status.Error(codes.InvalidArgument, got.err.Error())
		}
		return got.hello, nil
	case <-place:
		return nil, status.Errorf(codes.ResourceExhausted, "%d others came and this one was silent", maxStrangers)
	case <-time.After(helloLimit):
		return nil, status.Errorf(codes.DeadlineExceeded, "no hello within %v", helloLimit)
	}
}

// strangers are the streams without a hello, oldest first. When there are too many, the oldest gives way.
type strangers struct {
	mu     sync.Mutex
	places []chan struct{} // closed: it has given way
}

func (s *strangers) enter() chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.places) >= maxStrangers {
		close(s.places[0])
		s.places = s.places[1:]
	}
	place := make(chan struct{})
	s.places = append(s.places, place)
	return place
}

func (s *strangers) leave(place chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.places = slices.DeleteFunc(s.places, func(one chan struct{}) bool { return one == place })
}

func readHello(stream carrier.Stream) (*overseerv1.Hello, error) {
	var b wire.Batch
	if err := stream.Recv(&b); err != nil {
		return nil, err
	}
	var h *overseerv1.Hello
	err := wire.Frames(b.Bytes, func(tag wire.Tag, body []byte) error {
		if tag != wire.TagHello || h != nil {
			return errors.New("the first message on the stream is one hello and nothing else")
		}
		h = &overseerv1.Hello{}
		return decode.Unmarshal(body, h, helloBudget)
	})
	if err == nil && h == nil {
		err = errors.New("the first message on the stream is empty: it must be a hello")
	}
	return h, err
}
