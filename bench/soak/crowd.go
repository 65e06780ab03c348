package main

func besiege(arguments []string) error { return nil }
