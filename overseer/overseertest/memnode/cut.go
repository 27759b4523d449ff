package memnode

import (
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/reevenet/reeve/internal/bus/wire"
)

// Cut is the beginning of a batch up to a message, by its number, and how many messages it lacks for that. tag is that
// of envelopes in the batch's direction.
func Cut(batch []byte, tag wire.Tag, messages int) (head []byte, missing int) {
	for at := 0; at < len(batch); {
		if messages == 0 {
			return batch[:at], 0
		}
		_, _, size := protowire.ConsumeField(batch[at:])
		if size < 0 {
			return batch, messages // whoever reads it finds out
		}
		_ = wire.Frames(batch[at:at+size], func(t wire.Tag, _ []byte) error { // likewise
			if t == tag {
				messages--
			}
			return nil
		})
		at += size
	}
	return batch, messages
}
