function pay(amount) {
    // ‮⁦the gate is shut⁩⁦
    return amount; // ​no​
}

class Аdmin {}
function pay(amount) {
    // ‮⁦the gate is shut⁩⁦
    return amount; // ​no​
}

class Аdmin {}
function pay(amount) {
    // ‮⁦the gate is shut⁩⁦
    return amount; // ​no​
}

class Аdmin {}
