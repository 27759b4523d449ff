package overseer_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/overseer"
	"github.com/reevenet/reeve/overseer/subsystem"
	networkbridgev1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// said is what number n says: itself, then bytes that follow from it.
func said(n uint64, size int) []byte {
	b := binary.BigEndian.AppendUint64(nil, n)
	return append(b, bytes.Repeat([]byte{byte(n*7 + 1)}, size)...)
}

func isSaid(b []byte) error {
	if len(b) < 8 {
		return fmt.Errorf("%d bytes", len(b))
	}
	if n := binary.BigEndian.Uint64(b); !bytes.Equal(b, said(n, len(b)-8)) {
		return fmt.Errorf("%d says what it never said", n)
	}
	return nil
}

// keeper keeps every message that it gets, and answers asks with what they said, some of them later.
type keeper struct {
	sub  *subsystem.Sub
	kept []*subsystem.Message
}

func (k *keeper) handle(m *subsystem.Message) {
	k.kept = append(k.kept, m)
	body, ok := m.Body.(*networkbridgev1.SendRequest)
	if !ok {
		return
	}
	answer := func() {
		payload := &networkbridgev1.SendRequestResponse_Payload{Payload: body.Payload}
		m.Reply(&networkbridgev1.SendRequestResponse{Outcome: payload})
	}
	if len(body.Payload)%3 == 0 {
		k.sub.After(time.Millisecond, answer)
		return
	}
	answer()
}

// The memory in which a message came is used for the next one. Whoever keeps a message, a large one or a small one
// among many, has what was said to it, and every ask gets its own answer.
func TestWhoKeepsAMessageHasWhatWasSaid(t *testing.T) {
	overEveryCarrier(t, func(t *testing.T, c carriers) {
		b := startBusOver(t, c, overseer.Config{Epoch: 1})
		k := &keeper{}
		b.run(subsystem.Spec{Name: "network-bridge", New: func(sub *subsystem.Sub) (subsystem.Handler, error) {
			k.sub = sub
			return funcs{handle: k.handle}, nil
		}})
		ready := make(chan *subsystem.Sub, 1)
		b.run(subsystem.Spec{
			Name: "statement-distribution", Sends: []proto.Message{&networkbridgev1.SendConsensusMessage{}},
			Asks: []proto.Message{&networkbridgev1.SendRequest{}},
			New: func(sub *subsystem.Sub) (subsystem.Handler, error) {
				ready <- sub
				return funcs{}, nil
			},
		})
		sub := <-ready
		rng := rand.New(rand.NewPCG(1, 2))
		var answered sync.WaitGroup
		for n := range uint64(2000) {
			size := []int{rng.IntN(200), 100, 20_000 + rng.IntN(2000), 64 << 10, 90_000}[rng.IntN(5)]
			kind := rng.IntN(4)
			answered.Add(1)
			sub.Post(func() {
				if kind > 0 {
					for range kind * kind * 10 / (size/5000 + 1) {
						sub.Send(&networkbridgev1.SendConsensusMessage{Payload: said(n, size)})
					}
					answered.Done()
					return
				}
				subsystem.Ask(sub, &networkbridgev1.SendRequest{Payload: said(n, size)}, 20*time.Second,
					func(r *networkbridgev1.SendRequestResponse, err error) {
						defer answered.Done()
						if err != nil || !bytes.Equal(r.GetPayload(), said(n, size)) {
							t.Errorf("ask %d was answered with %d bytes of %d, %v", n, len(r.GetPayload()), size+8, err)
						}
					})
			})
		}
		answered.Wait()
		checked := make(chan struct{})
		k.sub.Post(func() {
			defer close(checked)
			for _, m := range k.kept {
				if body, ok := m.Body.(interface{ GetPayload() []byte }); !ok || isSaid(body.GetPayload()) != nil {
					t.Errorf("%T: %v", m.Body, isSaid(body.GetPayload()))
				}
			}
			if len(k.kept) < 1000 {
				t.Errorf("%d messages came", len(k.kept))
			}
		})
		<-checked
	})
}
