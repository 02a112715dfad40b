package weir

// Gate is one of the gates of the weir.
type Gate struct {
	Name string
	Open bool
}

// OpenGate opens the gate unless the river is too high.
func (w *Weir) OpenGate(name string) error {
	if w.Level > 3 {
		return ErrTooHigh
	}
	return nil
}
