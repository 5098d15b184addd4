"""The ensemble that comes with the package: trained, packed and measured."""
