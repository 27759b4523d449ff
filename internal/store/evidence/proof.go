package evidence

import (
	"fmt"
	"path/filepath"

	"github.com/reevenet/reeve/internal/core/proof"
	"github.com/reevenet/reeve/internal/store/disk"
)

// ProofSuffix ends the names of files that prove what a chain has decided.
const ProofSuffix = ".proof"

// KeepProof writes the proof of a block into a directory of evidence, durably: a node that has accepted another block
// at that height stops, and this is why. Nil is nothing to write.
func KeepProof(d disk.Disk, dir string, p *proof.Proof) error {
	if p == nil {
		return nil
	}
	if err := d.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("the directory of evidence can't be made: %w", err)
	}
	name := fmt.Sprintf("%d-%s%s", p.Header.Payload.Height, p.Header.ID(), ProofSuffix)
	return disk.Replace(d, filepath.Join(dir, name), p.Encode(), 0o644)
}
