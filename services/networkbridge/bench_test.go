package networkbridge_test

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/reevenet/reeve/internal/bus/decode"
	nbv1 "github.com/reevenet/reeve/proto/reeve/networkbridge/v1"
)

// BenchmarkDecode is what a peer's message costs before it is passed on: the walk within the budget, and the decoding.
func BenchmarkDecode(b *testing.B) {
	raw, err := proto.Marshal(
		&nbv1.Frame{Kind: &nbv1.Frame_Message{Message: &nbv1.WireMessage{Protocol: "snow",
			Payload: make([]byte, 100)}}},
	)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("checked", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var f nbv1.Frame
			if err := decode.Unmarshal(raw, &f, decode.Budget{Bytes: 4096, Elements: 400, Depth: 4}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("unchecked", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var f nbv1.Frame
			if err := proto.Unmarshal(raw, &f); err != nil {
				b.Fatal(err)
			}
		}
	})
}
