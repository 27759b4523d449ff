package bitfielddistribution

import (
	"testing"

	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

func TestWhatWaitsOfAPeerToBeVerifiedIsBounded(t *testing.T) {
	w := opened(t)
	one, id := by(1, block, 0), peer(1)
	payload, err := write(block, one)
	if err != nil {
		t.Fatal(err)
	}
	flood := &nbv1.PeerMessages{}
	for range 2 * maxWaiting / len(payload) { // all at once, so that none is verified before the last has come
		flood.Messages = append(flood.Messages, &nbv1.PeerMessage{Peer: id[:], Payload: payload})
	}
	w.event(&nbv1.NetworkBridgeEvent{Kind: &nbv1.NetworkBridgeEvent_PeerMessages{PeerMessages: flood}})
	if surplus, half := w.Number("surplus"), int64(len(flood.Messages)/2); surplus < half || surplus > half+1 {
		t.Errorf("%d of %d are dropped", surplus, len(flood.Messages))
	}
	w.Sent()
	w.says(2, block, by(2, block, 0))
	w.expect("provide 2 has [0]", "to [1]: 2 has [0]")
	if n := w.Number("unverified-bytes"); n != 0 {
		t.Errorf("%d bytes wait of nobody", n)
	}
}
