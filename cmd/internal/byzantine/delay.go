package byzantine

import (
	"math/rand/v2"
	"time"

	"google.golang.org/protobuf/proto"

	enginev1 "github.com/reevenet/reeve/proto/reeve/engine/v1"
)

// delay is how long a liar that waits holds a message back: about as long as whoever waits for it waits at first, so
// that it comes just before he goes on without it, or just after. Each peer gets it at another time.
func (l *liar) delay(m proto.Message) time.Duration {
	switch m.(type) {
	case *enginev1.PushQuery: // the next proposer waits for 150 ms and more
		return between(l.loop.Rand(), 100*time.Millisecond, 250*time.Millisecond)
	case *enginev1.Votes: // the waits of a round are 200, 300 and 600 ms in round 0
		return between(l.loop.Rand(), 150*time.Millisecond, 900*time.Millisecond)
	}
	// Answers have two seconds at first, and later half a second or more.
	return between(l.loop.Rand(), 400*time.Millisecond, 1900*time.Millisecond)
}

func between(r *rand.Rand, least, most time.Duration) time.Duration {
	return least + time.Duration(r.Int64N(int64(most-least)))
}
