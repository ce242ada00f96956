using UnityEngine;

namespace Spark.Platformer2D
{
    /// <summary>Spikes and the like: touching them costs a life.</summary>
    [RequireComponent(typeof(BoxCollider2D))]
    public sealed class Hazard : MonoBehaviour
    {
        private void Reset()
        {
            GetComponent<BoxCollider2D>().isTrigger = true;
        }

        private void OnTriggerEnter2D(Collider2D other)
        {
            if (other.TryGetComponent(out PlayerController2D _)) GameManager.Current.KillPlayer();
        }
    }
}
