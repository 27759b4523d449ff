package genesis

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
)

// maxFile bounds what is read from a file that may not be a genesis at all.
const maxFile = 64 << 20

// Parse reads a genesis from JSON. Unknown fields and anything after the object are errors.
func Parse(text []byte) (*Genesis, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	var g Genesis
	if err := dec.Decode(&g); err != nil {
		return nil, fmt.Errorf("not a genesis: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("not a genesis: something follows the closing brace")
	}
	if err := g.Check(); err != nil {
		return nil, err
	}
	return &g, nil
}

// Load reads and checks the file at path.
func Load(path string) (*Genesis, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxFile {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	g, err := Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return g, nil
}

// Encode is the text of the file, as Parse reads it.
func (g *Genesis) Encode() []byte {
	text, err := json.MarshalIndent(g, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("genesis: plain data doesn't marshal: %v", err))
	}
	return append(text, '\n')
}
