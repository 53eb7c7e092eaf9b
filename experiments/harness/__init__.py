"""What every experiment shares: its command, terminal, record, figures and progress."""
