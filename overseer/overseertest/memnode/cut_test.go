package memnode

import (
	"bytes"
	"testing"

	"github.com/reevenet/reeve/internal/bus/wire"
)

// A batch is cut behind any of its messages; without so many it stays whole.
func TestABatchIsCutBehindAnyMessage(t *testing.T) {
	const message, other = wire.TagFromEnvelope, wire.TagProcessed
	var b wire.Batch
	whole := []wire.Tag{other, message, message, other, message, other}
	for _, tag := range whole {
		b.Frame(tag, []byte{byte(tag), 1, 2})
	}
	for after, frames := range map[int]int{1: 2, 2: 3, 3: 5, 4: 6, 9: 6} {
		head, missing := Cut(b.Bytes, message, after)
		var got []wire.Tag
		if err := wire.Frames(head, func(tag wire.Tag, _ []byte) error {
			got = append(got, tag)
			return nil
		}); err != nil || !bytes.HasPrefix(b.Bytes, head) {
			t.Fatalf("behind message %d it isn't the beginning of the batch: %v", after, err)
		}
		if len(got) != frames || missing != max(0, after-3) {
			t.Errorf("behind message %d it has the frames %v, and %d messages are missing", after, got, missing)
		}
	}
	if head, missing := Cut([]byte{0xff}, message, 1); len(head) != 1 || missing != 1 {
		t.Errorf("what can't be read is cut to %x, %d missing", head, missing)
	}
}
