"""Everything that is about Ascend: conversion, devices, and the tools of the host."""
