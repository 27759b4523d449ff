// Package carrier brings batches of frames from a subsystem to its overseer and back. One stream is one call of the
// bus's method, one message on it is one batch. On the wire it is gRPC over HTTP/2 and nothing else: any gRPC client
// attaches to a Server, and Client attaches to any gRPC server.
//
// There are two carriers, which speak with each other. grpc-go's own streams always serve between machines (TCP with
// mutual TLS), and a unix socket if REEVE_BUS_CARRIER says so. On a unix socket the default is the one of
// internal/bus/grpcstream, which costs half as much for each message (overseer/decisions/017).
//
// An instance opens a primary stream and, for its bulk lane, a second one, each on a connection of its own: what is
// large never shares flow control with what is urgent. Which is which stands in the hello; a carrier never looks into a
// batch.
package carrier

import (
	"context"
	"fmt"
	"os"

	"github.com/reevenet/reeve/internal/bus/wire"
)

// Kind names a carrier.
type Kind string

const (
	// Fast is internal/bus/grpcstream's carrier, which serves unix sockets only: everywhere else Fast means GRPC.
	Fast Kind = "fast"
	// GRPC is grpc-go's own.
	GRPC Kind = "grpc"
)

// Variable is the environment variable that chooses a carrier for a process.
const Variable = "REEVE_BUS_CARRIER"

// Parse checks a kind. An empty one is what Variable says, and Fast if that is empty, too.
func Parse(name string) (Kind, error) {
	if name == "" {
		name = os.Getenv(Variable)
	}
	switch kind := Kind(name); kind {
	case "":
		return Fast, nil
	case Fast, GRPC:
		return kind, nil
	}
	return "", fmt.Errorf("%q is no carrier of the bus: %s is %q or %q", name, Variable, Fast, GRPC)
}

// Stream is one side of a stream.
type Stream interface {
	// Context ends when the stream does. On the server's side it knows the peer.
	Context() context.Context
	// Send sends a batch and empties it, with memory for the next. It waits for flow control. Any number of goroutines
	// may call it.
	Send(b *wire.Batch) error
	// Recv reads the next batch, into b's memory where that is large enough. It returns io.EOF when the other side
	// ended the stream well, and a status error when it didn't. One goroutine at a time may call it.
	Recv(b *wire.Batch) error
}

// Trier is a Stream that can be written to by a goroutine that must not wait.
type Trier interface {
	Stream
	// TrySend is Send that never waits. It tells whether the batch is on its way; if not, nothing of it is.
	TrySend(b *wire.Batch) (sent bool, err error)
}

// ClientStream is the side that has opened a stream.
type ClientStream interface {
	Stream
	// CloseSend tells the server that nothing more will be sent.
	CloseSend() error
	// Close ends the stream and its connection at once.
	Close()
}

// MaxHello is the longest first message of a stream in bytes, which comes from somebody who isn't known yet.
const MaxHello = 64 << 10

// keptBuffer is how large a buffer may be to be filled again, in bytes; one that a large batch needed is let go.
const keptBuffer = 256 << 10

// empty makes a batch that was sent ready for the next.
func empty(b *wire.Batch) {
	if b.Bytes = b.Bytes[:0]; cap(b.Bytes) > keptBuffer {
		b.Reset()
	}
}
